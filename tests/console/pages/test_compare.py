"""Runs side by side, in a browser."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from tests.console.accessibility import find_faults
from tests.console.browser import Site, open_page, start_site
from tests.console.store_content import MARKUP

from ovenbird.platform import keys
from ovenbird.platform.entities.entity import new_record
from ovenbird.platform.local.store import LocalStore

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A page over a store with six runs: each has another depth, and curves with gaps."""
    folder: Path = tmp_path_factory.mktemp("project")
    store = LocalStore(folder / ".ovenbird")
    for number in range(6):
        spec = {"parameters": {"depth": number, "same": 1, "password": f"secret-{number}", "markup": MARKUP}}
        record = new_record("p", "run", keys.RUN_KIND, "run", identity=f"run-{number}", spec=spec)
        record["status"] |= {"state": "COMPLETED", "results": {"score": number / 10}}
        store.create(record)
        values = {"loss": [1.0, math.nan, math.inf, 0.5 / (number + 1)], "single": [float(number)]}
        store.append_metrics(keys.parse_key(record["key"]), values, replace=True, single=True)
    store.close()
    with start_site(folder) as site:
        yield site


def test_two_runs_are_chosen_and_compared(browser: Browser, site: Site) -> None:
    """Differences are marked, equal rows are not; a metric is one chart of both runs; no secret and no script."""
    page = open_page(browser, site, "/compare")
    for name in ("Run run-1", "Run run-2"):
        page.get_by_label(name).check()
    page.get_by_role("button", name="Compare").click()
    page.wait_for_url("**run=p*run-1*")
    marked = page.locator("tr.differs th").all_inner_texts()
    assert any("depth" in text for text in marked)
    assert not any("same" in text or "markup" in text for text in marked)
    assert page.locator(".chart").count() == 1
    assert page.locator(".legend li").all_inner_texts() == ["1 · run-2", "2 · run-1"]  # newest first
    assert page.locator(".chart canvas").is_visible()
    assert "secret-" not in page.content()
    assert page.evaluate("document.documentElement.dataset.ran") is None
    assert page.problems == []
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_has_no_serious_fault_of_accessibility(browser: Browser, site: Site, scheme: str) -> None:
    page = open_page(browser, site, "/compare?run=p/run-1&run=p/run-2", color_scheme=scheme)
    assert find_faults(page) == []
    page.goto(site.origin + "/compare")
    assert find_faults(page) == []
    page.context.close()


def test_too_many_runs_and_unknown_ones_are_refused(site: Site) -> None:
    with site.client() as client:
        many = client.get("/compare", params={"run": [f"p/run-{number}" for number in range(6)]})
        unknown = client.get("/compare", params={"run": ["p/run-1", "p/none"]})
        malformed = client.get("/compare", params={"run": ["p/run-1", "/../x"]})
    assert (many.status_code, "choose two to 5" in many.text) == (422, True)
    assert (unknown.status_code, malformed.status_code) == (404, 404)


def test_a_narrow_screen_scrolls_the_table_only(browser: Browser, site: Site) -> None:
    page = open_page(
        browser, site, "/compare?run=p/run-1&run=p/run-2&run=p/run-3", viewport={"width": 380, "height": 700}
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 380
    page.context.close()
