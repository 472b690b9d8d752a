"""The page of a lineage, in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from tests.console.accessibility import find_faults
from tests.console.browser import Site, open_page, start_site
from tests.console.store_content import fill_lineage

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A page over a store with a lineage of about 200 nodes."""
    folder: Path = tmp_path_factory.mktemp("project")
    key = fill_lineage(folder)
    with start_site(folder) as site:
        site.key = key  # type: ignore[attr-defined]
        yield site


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """The lineage of the last model."""
    page = open_page(browser, site, f"/lineage?key={site.key}")  # type: ignore[attr-defined]
    yield page
    page.context.close()


def test_two_hundred_nodes_are_links_without_overlap(page: Page) -> None:
    """The entity itself is in sight, no box covers another, a long name is cut and has a title."""
    assert page.locator("g.node").count() == 198
    assert page.locator(".lineage a").count() == 198
    assert page.locator("g.node.root").is_visible()
    box, view = (page.locator(name).bounding_box() for name in ("g.node.root", ".lineage"))
    assert box is not None
    assert view is not None
    assert view["x"] <= box["x"] < view["x"] + view["width"]
    rects = page.locator("g.node > rect:first-of-type").evaluate_all(
        "rects => rects.map((rect) => rect.getBoundingClientRect().toJSON())"
    )
    for first, second in combinations(rects, 2):
        apart = first["right"] <= second["left"] or second["right"] <= first["left"]
        assert apart or first["bottom"] <= second["top"] or second["bottom"] <= first["top"]
    assert "x" * 20 not in page.locator("g.node.run .node-name").first.text_content()
    assert page.problems == []  # type: ignore[attr-defined]


def test_a_node_is_reached_by_the_keyboard(page: Page, site: Site) -> None:
    page.locator(".lineage").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("model-65, model")
    page.keyboard.press("Enter")
    page.wait_for_url("**/models/p/model-65/*")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_has_no_serious_fault_of_accessibility(browser: Browser, site: Site, scheme: str) -> None:
    page = open_page(browser, site, f"/lineage?key={site.key}", color_scheme=scheme)  # type: ignore[attr-defined]
    assert find_faults(page) == []
    page.context.close()


def test_a_narrow_screen_scrolls_the_picture_only(browser: Browser, site: Site) -> None:
    page = open_page(browser, site, f"/lineage?key={site.key}", viewport={"width": 380, "height": 700})  # type: ignore[attr-defined]
    assert page.evaluate("document.documentElement.scrollWidth") <= 380
    page.context.close()
