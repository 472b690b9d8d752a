"""The pages of data items, artifacts and models, in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from tests.console.accessibility import find_faults
from tests.console.browser import Site, open_page, start_site
from tests.console.store_content import fill_store

from ovenbird.platform.entities.entity import new_record
from ovenbird.platform.local.store import LocalStore

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A page over a store with files of all sorts."""
    folder: Path = tmp_path_factory.mktemp("project")
    fill_store(folder)
    with start_site(folder) as site:
        yield site


def read(site: Site, path: str) -> str:
    """Return the text of a page that answers with 200."""
    with site.client() as client:
        answer = client.get(path, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_lists_have_the_latest_of_each_name_and_a_search(browser: Browser, site: Site) -> None:
    page = open_page(browser, site, "/artifacts")
    assert page.locator("tbody tr").count() == 8
    page.get_by_label("Name").fill("CONF")
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**search=CONF*")
    assert page.locator("tbody a").all_inner_texts() == ["config"]
    page.get_by_role("link", name="config").click()
    assert page.locator("h1").inner_text().startswith("config")
    assert page.problems == []
    page.context.close()


@pytest.mark.parametrize(
    ("path", "texts"),
    [
        ("/artifacts/p/page", ["<script>", "<b>bold</b>"]),
        ("/artifacts/p/drawing", ["<svg xmlns"]),
        ("/artifacts/p/notes", ["Findings", "<img src=x"]),
        ("/artifacts/p/config", ["<b>name</b>", "NaN", "2 items"]),
        ("/artifacts/p/work", ["(text/html: not shown)"]),
        ("/artifacts/p/bundle", ["a config.json", "a page.html", "2 files"]),
        ("/artifacts/p/gone", ["nothing-here.bin is not there", "moved or deleted"]),
        ("/dataitems/p/cities", ["Rome", "2 rows, 2 columns", "1 missing"]),
        ("/dataitems/p/broken", ["no readable Parquet file"]),
        ("/models/p/city-prices", ["binary data", "depth", "rmse", "sklearn", "***"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_stored_is_shown_and_never_runs(browser: Browser, site: Site, path: str, texts: list[str]) -> None:
    """Script in HTML, SVG, Markdown, notebooks, names and descriptions is text; the console of the browser is quiet."""
    page = open_page(browser, site, path)
    page.get_by_text("Everything that is recorded").click()
    page.get_by_text("none of the newest 500 runs").wait_for()
    shown = page.locator("main").inner_text()
    assert [text for text in texts if text not in shown] == []
    assert "hunter2" not in page.content()
    assert page.evaluate("document.documentElement.dataset.ran") is None
    assert page.problems == []
    page.context.close()


@pytest.mark.parametrize("name", ["page", "drawing"])
def test_a_stored_page_is_a_download_in_no_origin_of_ours(browser: Browser, site: Site, name: str) -> None:
    """A file that a browser would run is sent as bytes, as an attachment, and in a sandbox all the same."""
    page = open_page(browser, site, f"/artifacts/p/{name}")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download").click()
    assert "<script>" in Path(waiting.value.path()).read_text()
    with site.client() as client:
        answer = client.get(page.get_by_role("button", name="Download").get_attribute("href"))
        image = client.get(answer.url.path.replace("/file", "/image"))
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert image.status_code == 404
    page.context.close()


def test_an_image_is_loaded_and_sent_as_what_it_is(browser: Browser, site: Site) -> None:
    page = open_page(browser, site, "/artifacts/p/noise")
    image = page.locator("img.stored")
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 300
    assert page.problems == []
    page.context.close()


def test_two_thousand_columns_are_paged(browser: Browser, site: Site) -> None:
    page = open_page(browser, site, "/dataitems/p/wide")
    assert page.locator("table.preview thead th").count() == 30
    page.get_by_role("link", name="Further columns").click()
    page.wait_for_url("**column=30*")
    assert "column 30" in page.locator("table.preview thead th").first.inner_text()
    page.get_by_label("From column").fill("2000")
    page.get_by_role("button", name="Go").click()
    page.wait_for_url("**column=2000*")
    assert "onerror" in page.locator("table.preview thead th").last.inner_text()
    assert page.evaluate("document.documentElement.dataset.ran") is None
    page.context.close()


def test_a_file_of_a_folder_is_chosen(browser: Browser, site: Site) -> None:
    page = open_page(browser, site, "/artifacts/p/bundle")
    page.get_by_role("link", name="a page.html", exact=True).click()
    page.wait_for_url("**file=a*page.html*")
    assert "<b>bold</b>" in page.locator("#preview pre").inner_text()
    page.context.close()


@pytest.mark.parametrize("path", ["/file", "/image", ""])
def test_a_file_that_is_not_of_the_entity_is_refused(site: Site, path: str) -> None:
    """A name that leads out of the folder is none of its files."""
    with site.client() as client:
        base = client.get("/artifacts/p/bundle").text.partition('href="/artifacts/p/bundle/')[2].partition("/")[0]
        answer = client.get(f"/artifacts/p/bundle/{base}{path}", params={"file": "../../../ovenbird.db"})
    assert "has no file" in answer.text
    assert b"SQLite format" not in answer.content


@pytest.mark.parametrize("path", ["/artifacts/p/none", "/artifacts/p/page/none", "/models/a%2Fb/c", "/lineage?key=x"])
def test_what_does_not_exist_is_a_page_that_says_so(site: Site, path: str) -> None:
    with site.client() as client:
        assert client.get(path).status_code == 404


def test_a_record_of_another_program_has_a_page(site: Site) -> None:
    """A field of another type counts as absent; the page still has all that is recorded."""
    store = LocalStore(site.folder / ".ovenbird")
    parts = {
        "metadata": ("labels", "description", "relationships", "created"), "spec": ("parameters", "path", "framework"),
        "status": ("metrics", "schema", "preview", "files", "fingerprint", "requirements"),
    }  # fmt: skip
    for number, value in enumerate(("text", 7, [1, "a", None], {"a": [1]}, True)):
        record = new_record("odd", "model", "sklearn", f"m{number}")
        for part, names in parts.items():
            record[part] |= dict.fromkeys(names, value)
        store.create(record)
    store.close()
    for number in range(5):
        assert "Everything that is recorded" in read(site, f"/models/odd/m{number}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/dataitems", "/dataitems/p/cities", "/artifacts/p/config", "/models/p/city-prices"])
def test_pages_have_no_serious_fault_of_accessibility(browser: Browser, site: Site, path: str, scheme: str) -> None:
    page = open_page(browser, site, path, color_scheme=scheme)
    assert find_faults(page) == []
    page.context.close()


@pytest.mark.parametrize("path", ["/artifacts", "/dataitems/p/wide", "/artifacts/p/bundle", "/models/p/city-prices"])
def test_a_narrow_screen_scrolls_down_only(browser: Browser, site: Site, path: str) -> None:
    """What is wider than 380 pixels scrolls in its own box."""
    page = open_page(browser, site, path, viewport={"width": 380, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 380
    page.context.close()
