"""Runs in a browser: the list, one run live, its log, its end."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.console.browser import Site, open_page, start_site
from tests.console.project import record_run, write_project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
_LOG = 50 * 1024 * 1024


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A page in a folder with functions."""
    folder = tmp_path_factory.mktemp("runs")
    write_project(folder)
    with start_site(folder) as site:
        yield site


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """A tab, whose console stays free of errors."""
    page = open_page(browser, site)
    yield page
    assert page.problems == []  # type: ignore[attr-defined]
    page.context.close()


def run_function(page: Page, site: Site, name: str, **fields: str) -> None:
    """Run a function by its form, and wait for the page of the run."""
    page.goto(f"{site.origin}/run?target=train.py:{name}")
    for label, text in fields.items():
        page.get_by_label(re.compile(f"^{label}")).first.fill(text)
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url("**/runs/default/*")


def test_a_run_is_live(page: Page, site: Site) -> None:
    """State, log and curves appear while it goes on; what it prints is text, without colours and controls."""
    run_function(page, site, "train", count="30")
    expect(page.locator(".state-completed")).to_be_visible(timeout=60_000)
    expect(page.locator("pre.log")).to_contain_text("round 29 <b>&amp;</b>\\x07", timeout=30_000)
    assert page.locator("pre.log").inner_text().count("round 3 ") == 1
    expect(page.locator("figure.chart canvas")).to_have_count(1)
    assert "loss 0.0333333" in page.locator("figcaption").inner_text()
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    page.reload()
    assert page.locator("pre.log").inner_text().count("round 3 ") == 1
    assert page.locator("script:not([src])").count() == 0


def test_a_run_is_stopped_in_another_tab(page: Page, site: Site) -> None:
    """Both tabs follow the run; the button of one stops it, and the other shows so by itself."""
    run_function(page, site, "wait")
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator("pre.log")).to_contain_text("waiting", timeout=30_000)
    page.get_by_role("button", name="Stop").click()
    for tab in (page, other):
        expect(tab.locator(".state-stopped")).to_be_visible(timeout=60_000)
        expect(tab.locator("#run-body")).to_contain_text("stopped by SIGTERM")


def test_a_sweep_is_started_followed_and_stopped(page: Page, site: Site) -> None:
    """Its table fills by itself, the runs are one row of the list, and stopping it stops them all."""
    page.goto(f"{site.origin}/run?target=train.py:wait")
    page.get_by_text("Sweep: several values").click()
    page.get_by_label("Values").fill("seconds=0,0.1,600,601,602")
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url("**/sweeps/default/*")
    sweep = page.url.rpartition("/")[2]
    expect(page.locator("td .state-completed")).to_have_count(2, timeout=60_000)
    expect(page.locator("td .state-running")).to_have_count(2, timeout=60_000)
    assert page.locator("thead").inner_text().split("\t")[:5] == ["Line", "Run", "State", "Took", "seconds"]
    expect(page.locator("dl")).to_contain_text("2 of 5 ended")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("h1 .state-stopped")).to_be_visible(timeout=60_000)
    expect(page.locator("td .state-stopped")).to_have_count(2)
    page.goto(f"{site.origin}/runs")
    row = page.locator("tr", has=page.get_by_role("link", name=f"Sweep {sweep}"))
    expect(row).to_contain_text("4 runs")
    expect(row).to_contain_text("2 stopped")


def test_an_error_shows_the_users_traceback(page: Page, site: Site) -> None:
    """The message and the lines of the user's code, as text; from there it can be run again."""
    run_function(page, site, "fail")
    expect(page.locator(".card.error")).to_contain_text("ValueError: no <b>luck</b>", timeout=60_000)
    assert 'in fail\n    raise ValueError("no <b>luck</b>")' in page.locator(".card.error pre").inner_text()
    page.get_by_role("button", name="Run again…").click()
    expect(page.locator("h1")).to_contain_text("Run fail")


def test_a_run_is_repeated_with_its_values(page: Page, site: Site) -> None:
    """The form holds what the run was given, but no secret."""
    run_function(page, site, "train", count="2", password="s3cret-value", tags="x\ny")
    expect(page.locator(".state-completed")).to_be_visible(timeout=60_000)
    assert "s3cret-value" not in page.content()
    page.get_by_role("button", name="Run again…").click()
    assert page.get_by_label(re.compile("^count")).input_value() == "2"
    assert page.get_by_label(re.compile("^tags")).first.input_value() == "x\ny"
    assert page.get_by_label(re.compile("^password")).input_value() == ""


def test_the_list_filters_and_links(page: Page, site: Site) -> None:
    """Runs of a state, each with a link to its page; names with markup are text."""
    identity = record_run(site.folder, "STOPPED", function="old<i>", message="<img src=x onerror=alert(1)>")
    page.goto(f"{site.origin}/runs")
    page.get_by_label("State").select_option("STOPPED")
    page.get_by_role("button", name="Filter").click()
    states = page.locator("td .state").all_inner_texts()
    assert {text.strip(" 0123456789").lower() for text in states} == {"stopped"}  # "2 stopped" of a sweep
    page.get_by_role("link", name=identity[:8]).click()
    expect(page.locator("#run-body")).to_contain_text("<img src=x onerror=alert(1)>")
    assert page.locator("#run-body img").count() == 0


def test_a_large_log_is_shown_by_its_end(page: Page, site: Site) -> None:
    """A log of 50 MB, with a line of a megabyte, costs the page a fixed amount; the file has all of it."""
    line = "x" * 1000 + "\n"
    identity = record_run(site.folder, log=line * (_LOG // len(line)) + "y" * 1_000_000 + "\n\x00\x1b[2Jend\n")
    page.goto(f"{site.origin}/runs/default/{identity}")
    text = page.locator("pre.log").inner_text()
    assert text.rstrip("\n").endswith("\\x00end")
    assert len(text) < 70_000
    expect(page.locator("main")).to_contain_text("The end of the log. The 50.9 MiB before it")
    with site.client() as client, client.stream("GET", f"/runs/default/{identity}/log") as answer:
        assert answer.headers["content-disposition"].startswith("attachment")
        assert int(answer.headers["content-length"]) > _LOG


def test_a_log_is_sent_as_long_as_it_is(site: Site) -> None:
    """A log that grows meanwhile is sent as far as it went at first; a link to another file is not followed."""
    identity = record_run(site.folder, log="x" * _LOG)
    path = next((site.folder / ".ovenbird" / "logs").rglob(f"{identity}.log"))
    with site.client() as client:
        with client.stream("GET", f"/runs/default/{identity}/log") as answer, path.open("a") as log:
            log.write("more\n")
            log.flush()
            assert (answer.headers["content-length"], sum(map(len, answer.iter_raw()))) == (str(_LOG), _LOG)
        path.unlink()
        path.symlink_to(site.folder / "train.py")
        refused = client.get(f"/runs/default/{identity}/log")
        page = client.get(f"/runs/default/{identity}")
        assert (page.status_code, "it is a link, which is not followed" in page.text) == (200, True)
        assert "event: end" in client.get(f"/runs/default/{identity}/events").text
        path.unlink()
    assert (refused.status_code, "def train" in refused.text) == (404, False)


def test_what_does_not_exist_is_a_page(site: Site) -> None:
    """Unknown runs, malformed ids and unknown states are errors with words, never a traceback."""
    with site.client() as client:
        for path, status in (
            ("/runs/default/0123", 404), ("/runs/default/..%2f..", 404), ("/runs/a%00b/1", 404),
            ("/runs?state=NOPE", 404), ("/function?target=nothing.py:f", 400), ("/run?target=", 400),
            ("/functions/default/none", 404), ("/tasks/1", 404), ("/runs/default/0123/events", 200),
        ):  # fmt: skip
            answer = client.get(path)
            assert answer.status_code == status, path
            assert "Traceback" not in answer.text


def test_the_store_is_removed_while_it_is_looked_at(browser: Browser, tmp_path: Path) -> None:
    """The next page shows an empty store, and the run that was looked at is an error; nothing of it is shown again."""
    identity = record_run(tmp_path, log="hello\n")
    with start_site(tmp_path) as site:
        page = open_page(browser, site, f"/runs/default/{identity}")
        expect(page.locator("pre.log")).to_contain_text("hello")
        shutil.rmtree(tmp_path / ".ovenbird")
        page.reload()
        expect(page.locator("h1")).to_contain_text("no project 'default'")
        page.goto(f"{site.origin}/runs")
        expect(page.locator("main")).to_contain_text("Nothing has been run yet.")
        page.context.close()
