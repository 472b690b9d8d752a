"""Every page, in light and dark, wide and narrow: nothing overflows, and axe finds no serious fault."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from tests.console.accessibility import find_faults
from tests.console.browser import Site, open_page, start_site
from tests.console.project import record_run, write_project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
RUN, FAILED = "1" * 32, "2" * 32
PATHS = (
    "/functions", "/function?target=train.py:train", "/run?target=train.py:train", "/new", "/runs",
    f"/runs/default/{RUN}",    f"/runs/default/{FAILED}", "/services", "/images", "/nothing",
    "/sweeps/default/abc",
)  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A page with a run of each kind."""
    folder = tmp_path_factory.mktemp("look")
    write_project(folder)
    record_run(folder, identity=RUN, log="a line\n" * 100, results={"long" * 40: "x" * 300}, parameters={"n": 1})
    for line in (1, 2):
        record_run(
            folder, launch={"sweep": "abc", "line": line}, parameters={"n": line}, results={"long" * 20: "x" * 99}
        )
    record_run(folder, "ERROR", identity=FAILED, message="E" * 300, error={"traceback": "Traceback\n  File"})
    with start_site(folder) as site:
        yield site


@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 1200), ("light", 380)])
def test_pages_are_usable(browser: Browser, site: Site, scheme: str, width: int) -> None:
    """No page scrolls sideways as a whole, breaks the policy, or has a serious fault for who cannot see it."""
    page = open_page(browser, site, color_scheme=scheme, viewport={"width": width, "height": 800})
    faults = {}
    for path in PATHS:
        page.goto(site.origin + path)
        page.wait_for_selector("main")
        if path.startswith("/function?"):
            page.wait_for_selector("th code")
        if found := find_faults(page):
            faults[path] = found
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    assert faults == {}
    page.context.close()


def test_the_page_works_by_keyboard(browser: Browser, site: Site) -> None:
    """The first stop leads to the content, the next ones through the bar."""
    page = open_page(browser, site, "/runs")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Functions"
    page.keyboard.press("Enter")
    page.wait_for_url("**/functions")
    page.context.close()
