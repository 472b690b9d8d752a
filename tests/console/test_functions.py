"""Functions in a browser: the list, contract, forms, new functions, edited sources, services."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from tests import starts
from tests.console.browser import Site, open_page, start_site
from tests.console.project import write_project
from tests.service import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A page in a folder with functions."""
    folder = tmp_path_factory.mktemp("functions")
    write_project(folder)
    with start_site(folder) as site:
        yield site


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """A tab."""
    page = open_page(browser, site)
    yield page
    refused = "the server responded with a status of 4"
    assert [text for text in page.problems if refused not in text] == []  # type: ignore[attr-defined]
    page.context.close()


def test_functions_of_the_folder_are_listed(page: Page, site: Site) -> None:
    """By their files, which are read and not imported: a module that cannot be imported is there too."""
    page.goto(f"{site.origin}/functions")
    names = {row.split("\n")[0].split("\t")[0] for row in page.locator("tbody tr").all_inner_texts()}
    assert {"train", "wait", "fail", "lost"} <= names
    expect(page.locator("tbody")).to_contain_text("Train a <script>alert(1)</script> model.")
    page.get_by_role("searchbox").fill("wai")
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_the_contract_comes_from_the_loader(page: Page, site: Site) -> None:
    """Arguments with hints and defaults; what fails while it is imported is an error on the page, with its lines."""
    page.goto(f"{site.origin}/function?target=train.py:train")
    row = page.locator("tr", has=page.locator("th code", has_text=re.compile("^rate$")))
    expect(row).to_contain_text("float")
    expect(row).to_contain_text("0.5")
    page.goto(f"{site.origin}/function?target=broken.py:lost")
    expect(page.locator("main")).to_contain_text("No module named 'no_such_module_at_all'")


def test_a_field_that_does_not_fit_has_its_error(page: Page, site: Site) -> None:
    """The error stands at the field, which names it; what was typed stays; then the run starts."""
    page.goto(f"{site.origin}/run?target=train.py:train")
    count = page.get_by_label(re.compile("^count"))
    count.fill("three")
    page.get_by_label(re.compile("^point")).fill('{"x": 1}')
    page.get_by_label("Time limit").fill("soon")
    page.get_by_label("Variables").fill("A=1\nB")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("[role=alert]").first).to_contain_text("4 fields do not fit.")
    assert count.input_value() == "three"
    assert count.get_attribute("aria-invalid") == "true"
    described = (count.get_attribute("aria-describedby") or "").split()
    assert "whole number" in page.locator(f"#{described[-1]}").inner_text()
    assert page.get_by_label("Variables").input_value() == "A=1\nB"
    count.fill("3")
    page.get_by_label(re.compile("^point")).fill('{"x": 1, "y": 2}')
    page.get_by_label("Time limit").fill("1m")
    page.get_by_label("Variables").fill("A=1")
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url("**/runs/default/*")
    expect(page.locator("#run-body")).to_contain_text('"point": 1.0', timeout=60_000)


def test_a_function_is_made_edited_and_run(page: Page, site: Site) -> None:
    """The form writes a document; the editor of another tab does not overwrite what this one has saved."""
    page.goto(f"{site.origin}/new")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#new-name-error")).to_contain_text("1 to 100 letters")
    page.get_by_label("Name").fill("greeter")
    page.get_by_role("button", name="Create").click()
    page.wait_for_url("**/function?target=greeter%2Ffunction.yaml")
    other = page.context.new_page()
    other.goto(page.url)
    code = 'def handler(name: str = "you"):\n    return f"Hi {name}, <b>"\n'
    page.locator("textarea.code").fill(code)
    page.get_by_role("button", name="Save and run…").click()
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url("**/runs/default/*")
    expect(page.locator("#run-body")).to_contain_text("Hi you, <b>", timeout=60_000)
    assert "  |\n" in (site.folder / "greeter/function.yaml").read_text().replace("code: |", "code:  |")
    other.locator("textarea.code").fill("def handler(): ...\n")
    other.get_by_role("button", name="Save", exact=True).click()
    expect(other.locator("h1")).to_contain_text("the source was changed meanwhile")
    assert "Hi {name}" in (site.folder / "greeter/function.yaml").read_text()
    page.goto(f"{site.origin}/new")
    page.get_by_label("Name").fill("greeter")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#new-name-error")).to_contain_text("There is already")


def test_a_service_is_started_and_stopped(page: Page, site: Site) -> None:
    """On a free port of this machine: it answers, its log is live, the page stops it."""
    page.goto(f"{site.origin}/function?target=train.py:wait")
    page.get_by_role("button", name="Serve").click()
    page.wait_for_url("**/tasks/*")
    link = page.get_by_role("button", name="Try it")
    expect(link).to_be_visible(timeout=60_000)
    address = (link.get_attribute("href") or "").removesuffix("/_/")
    assert httpx.get(f"{address}/_/ready", verify=False).status_code == 200
    page.goto(f"{site.origin}/services")
    expect(page.locator("main")).to_contain_text(address)
    page.get_by_role("link", name="train.py:wait").click()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".state-stopped")).to_be_visible(timeout=60_000)


def test_a_service_of_somebody_else_is_stopped(site: Site) -> None:
    """One that a terminal has started is listed with its port, and ends as by Ctrl-C; no other process does."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("OVENBIRD_", "DHCORE_"))}
    words = ("serve", "train.py:wait", "--port", "0")
    process = starts.start(  # a forked one has another command line
        words, cwd=site.folder, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, fresh=True
    )
    try:
        with site.client() as client:
            button = f'name="pid" value="{process.pid}"'
            wait_until(lambda: button in client.get("/services").text, lambda: client.get("/services").text, pause=0.2)
            for pid in ("", str(os.getpid())):
                assert client.post("/services/stop", data={"pid": pid}).status_code == 404
            assert client.post("/services/stop", data={"pid": str(process.pid)}).status_code == 303
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


def test_a_post_without_a_target_is_refused(site: Site) -> None:
    """Nothing is started, built or written for a target that does not exist or lies in no document."""
    with site.client() as client:
        for path in ("/run", "/services/start", "/images/build", "/function/source"):
            for text in ("", "no.py:f", "../../etc/passwd", "--help"):
                assert client.post(path, data={"target": text, "run.target": text}).status_code == 400, (path, text)
            assert client.get(path).status_code in (400, 404, 405)
        answer = client.post("/function/source", data={"target": "train.py:train", "code": "x"})
        assert (answer.status_code, "only a source that is written" in answer.text) == (404, True)
