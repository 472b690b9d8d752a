"""The page in a real browser, against real services."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from tests.console.browser import start_browser
from tests.raw import run_service
from tests.service import Service

pytestmark = pytest.mark.slow
_PATIENCE = 60_000  # milliseconds
_NARROW = {"width": 380, "height": 800}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One chromium for all tests here."""
    with start_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def fields(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with run_service(tmp_path_factory, "page/fields.py") as service:
        yield service


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with run_service(tmp_path_factory, "page/answers.py") as service:
        yield service


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with run_service(tmp_path_factory, "page/answers.py:stream", "--concurrency", "1", "--queue", "0") as service:
        yield service


@pytest.fixture(scope="module")
def upload(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with run_service(tmp_path_factory, "page/upload.py") as service:
        yield service


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """A tab without history. A script of the page that fails is an error."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    page = context.new_page()
    page.set_default_timeout(_PATIENCE)
    expect.set_options(timeout=_PATIENCE)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def open_page(tab: Page, url: str) -> None:
    """Open the page of a service, and wait until its script runs."""
    tab.goto(f"{url}/_/")
    expect(tab.locator("#state")).to_have_text("ready")


def send(tab: Page) -> str:
    """Send the form and wait for the end of the call; the status line."""
    tab.click("#send")
    expect(tab.locator("#cancel")).to_be_hidden()
    return tab.locator("#status").inner_text()


def choose(tab: Page, service: Service, kind: str) -> str:
    """Ask for an answer of a kind."""
    open_page(tab, service.url)
    tab.select_option("[name=kind]", label=kind)
    return send(tab)


def find_faults(tab: Page) -> list[str]:
    """Return what axe-core finds: serious and critical faults."""
    violations = Axe().run(tab).response["violations"]
    serious = [fault for fault in violations if fault["impact"] in ("serious", "critical")]
    return [f"{fault['id']}: {node['html'][:200]}" for fault in serious for node in fault["nodes"]]


def test_each_field_sends_its_value(tab: Page, fields: Service, tmp_path: Path) -> None:
    """What is typed arrives as the type of its argument; the form has labels for all of them."""
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\x89PNG" + b"\x00" * 1000)
    open_page(tab, fields.url)
    for label, text in {
        "count": "7", "name": "Ada <b>", "share": "0.25", "day": "2024-02-29", "moment": "2024-02-29T10:20:30",
        "hour": "01:02:03", "tags": "a\nb c", "point": '{"x": 3, "y": 4}', "anything": "[null]", "prompt": "",
        "api_key": "k",
    }.items():  # fmt: skip
        tab.get_by_label(label).first.fill(text)
    tab.get_by_label("loud").check()
    tab.get_by_label("mode").select_option("exact")
    tab.get_by_label("colour", exact=False).first.select_option("blue")
    tab.get_by_label("red").check()
    tab.get_by_label("picture").set_input_files(picture)
    with tab.expect_response(lambda answer: answer.request.method == "POST" and "plan" not in answer.url) as received:
        tab.keyboard.press("Tab")
        tab.get_by_label("name").first.press("Enter")
    assert received.value.json() == {
        "count": 7, "name": "Ada <b>", "share": 0.25, "loud": True, "mode": "exact", "colour": "blue",
        "day": "2024-02-29", "moment": "2024-02-29T10:20:30", "hour": "01:02:03", "tags": ["a", "b c"],
        "colours": ["red"], "point": {"x": 3, "y": 4.0}, "anything": [None], "identity": None,
        "prompt": "", "picture": 1004, "key": 1,
    }  # fmt: skip
    expect(tab.locator("#body")).to_contain_text('name: "Ada <b>"')
    expect(tab.locator("#curl")).to_contain_text("$(base64 -w0 picture.png)")
    expect(tab.locator("#python")).to_contain_text("picture=Path('picture.png').read_bytes()")


def test_what_is_refused_is_shown_at_its_field(tab: Page, fields: Service) -> None:
    """By the form, and by the function (422): the error is the field's description, and what was typed stays."""
    open_page(tab, fields.url)
    count, point = tab.locator("[name=count]"), tab.locator("[name=point]")
    count.fill("many")
    point.fill('{"x": "a"')
    tab.click("#send")
    expect(count).to_have_attribute("aria-invalid", "true")
    expect(count).to_be_focused()
    expect(count).to_have_value("many")
    expect(count).to_have_accessible_description(
        "how many there are. At least 1, at most 100. Expected a whole number, found 'many'."
    )
    expect(point).to_have_accessible_description(
        'where it is, as {"x": 1, "y": 2} No JSON: Expecting \',\' delimiter in line 1, column 10.'
    )
    expect(tab.locator("[data-field=name] .error")).to_have_text("This field is required.")
    expect(tab.locator("#answer")).to_be_hidden()
    count.fill("3")
    point.fill('{"x": 1}')
    tab.locator("[name=name]").fill("x")
    tab.locator("[name=identity]").fill("no-uuid")
    assert send(tab).startswith("422")
    expect(tab.locator("[data-field=identity] .error")).to_have_text("Invalid UUID")
    assert tab.locator("[aria-invalid]").count() == 1


def test_an_answer_is_shown_by_its_media_type(tab: Page, answers: Service) -> None:
    """Trees, tables, text, problems; everything has its status and a download of all its bytes."""
    open_page(tab, answers.url)
    for kind, status, selector, text in (
        ("json", "200 OK", ".tree", '"<b>no markup</b>"'),
        ("rows", "200 OK", "#body table", "row <1>"),
        ("rows", "200 OK", "#body", "The first 200 of 300 rows."),
        ("text", "200 OK", "#body pre", "Some text\nof two lines"),
        ("csv", "200 OK", "#body table", 'a, "b"'),
        ("bytes", "200 OK", "#body", "application/zip: nothing to show here"),
        ("none", "204", "#body", "The answer is empty."),
        ("busy", "503", "#notice", "Try again in 7 seconds."),
        ("fail", "500", "#notice", "the function failed"),
        ("long", "200 OK", "#notice", "rounds long numbers"),
        ("deep", "200 OK", "#body", "[1 item]"),
        ("large", "200 OK", "#notice", "Only the beginning is shown"),
    ):
        tab.select_option("[name=kind]", label=kind)
        assert send(tab).startswith(status)
        expect(tab.locator(selector).first).to_contain_text(text)
        assert tab.locator("#download").is_visible() == (kind != "none")
    with tab.expect_download() as download:
        tab.click("#download")
    assert download.value.suggested_filename == "answer.txt"
    assert Path(download.value.path()).stat().st_size == 600_000


@pytest.mark.parametrize(("kind", "width"), [("png", 2), ("svg", 40)])
def test_a_picture_is_shown(tab: Page, answers: Service, kind: str, width: int) -> None:
    """As an image, in which no script runs."""
    choose(tab, answers, kind)
    image = tab.locator("#body img")
    expect(image).to_have_js_property("naturalWidth", width)
    assert tab.title().endswith("Ovenbird")


def test_a_document_runs_nothing(tab: Page, answers: Service) -> None:
    """HTML is in a sandboxed frame: no script, no request, no access to the page; its source is there to read."""
    requests: list[str] = []
    tab.on("request", lambda request: requests.append(request.url))
    choose(tab, answers, "html")
    frame = tab.locator("#body iframe")
    expect(frame).to_have_attribute("sandbox", "")
    expect(tab.frame_locator("#body iframe").locator("#text")).to_have_text("A document")
    assert tab.title().endswith("Ovenbird")
    assert not [url for url in requests if url.endswith(("?ran", "/x"))]
    tab.get_by_text("Source").click()
    expect(tab.locator("#body pre")).to_contain_text("<script>document.title")


@pytest.mark.parametrize("accept", ["", "text/event-stream"])
def test_a_stream_is_shown_as_it_comes(tab: Page, counter: Service, accept: str) -> None:
    """Items appear before the function has ended; Cancel ends the call, and the next one finds a free slot."""
    open_page(tab, counter.url)
    tab.locator("[name=count]").fill("1000")
    tab.locator("[name=wait]").fill("0.05")
    tab.get_by_text("Options").click()
    tab.select_option("#accept", accept)
    tab.click("#send")
    expect(tab.locator(".events li").nth(2)).to_contain_text('{"number":2}')
    expect(tab.locator("#cancel")).to_be_visible()
    refused = httpx.post(counter.url, json={"count": 1}, verify=False)
    assert refused.status_code == 503
    tab.click("#cancel")
    expect(tab.locator("#status")).to_contain_text("Cancelled after")
    tab.locator("[name=count]").fill("2")
    tab.locator("[name=wait]").fill("0")
    assert "2 items" in send(tab) or "503" in tab.locator("#status").inner_text()


def test_files_are_uploaded(tab: Page, upload: Service, tmp_path: Path) -> None:
    """A required file is asked for; several go in one field."""
    for name in ("a.txt", "b.txt", "c.txt"):
        (tmp_path / name).write_text(name * 100)
    open_page(tab, upload.url)
    tab.click("#send")
    expect(tab.locator("[data-field=file] .error")).to_have_text("Choose a file.")
    tab.set_input_files("[name=file]", tmp_path / "a.txt")
    tab.set_input_files("[name=others]", [tmp_path / "b.txt", tmp_path / "c.txt"])
    with tab.expect_response(f"{upload.url}/") as received:
        tab.click("#send")
    assert received.value.json() == {
        "title": "none",
        "file": ["a.txt", 500],
        "others": [["b.txt", 500], ["c.txt", 500]],
    }


def test_a_token_goes_with_the_call_and_into_no_line(tab: Page, answers: Service) -> None:
    """It is a header of the call alone."""
    open_page(tab, answers.url)
    tab.get_by_text("Options").click()
    tab.fill("#token", "s3cret-token")
    with tab.expect_request(f"{answers.url}/") as sent:
        send(tab)
    assert sent.value.headers["authorization"] == "Bearer s3cret-token"
    assert "s3cret" not in tab.locator("#lines").inner_text()
    expect(tab.locator("#curl")).to_contain_text("Bearer $TOKEN")


def test_it_works_behind_a_prefix(tab: Page, answers: Service) -> None:
    """A proxy that serves it below a path of its own: page, files, call and lines go through the prefix."""
    with Proxy(answers.url, "/team/fn") as origin:
        open_page(tab, f"{origin}/team/fn")
        assert send(tab).startswith("200 OK")
        expect(tab.locator("#curl")).to_contain_text(f"curl {origin}/team/fn/ ")
        expect(tab.locator("[data-figure=calls]")).not_to_have_text("\u2013")


def test_a_service_that_ends_is_reported(tab: Page, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The call says that there was no answer, and the state that nothing is reachable."""
    with run_service(tmp_path_factory, "page/upload.py") as service:
        open_page(tab, service.url)
        service.kill()
        tab.locator("#send").click()
        expect(tab.locator("#form-error")).to_contain_text("The form could not be sent")
        expect(tab.locator("#state")).to_have_text("not reachable")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_has_no_serious_fault(
    browser: Browser, fields: Service, answers: Service, scheme: Any
) -> None:
    """In both schemes, with errors and with an answer: axe finds nothing serious, nothing is wider than 380 pixels."""
    context = browser.new_context(viewport=_NARROW, color_scheme=scheme)
    tab = context.new_page()
    open_page(tab, fields.url)
    tab.click("#send")
    expect(tab.locator("[name=count]")).to_have_attribute("aria-invalid", "true")
    tab.get_by_text("Options").click()
    assert find_faults(tab) == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= _NARROW["width"]
    choose(tab, answers, "rows")
    assert find_faults(tab) == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= _NARROW["width"]
    context.close()


class Proxy:
    """A reverse proxy that serves a service below a prefix, as an ingress does."""

    def __init__(self, url: str, prefix: str) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                headers = {
                    key: value for key, value in self.headers.items() if key.lower() not in ("host", "connection")
                }
                path = self.path.removeprefix(prefix) if self.path.startswith(f"{prefix}/") else "/_/none"
                answer = httpx.request(
                    self.command, url + path, content=self.rfile.read(length), headers=headers, verify=False, timeout=60
                )
                self.send_response(answer.status_code)
                self.send_header("content-length", str(len(answer.content)))
                for name in ("content-type", "content-security-policy", "x-content-type-options"):
                    if name in answer.headers:
                        self.send_header(name, answer.headers[name])
                self.end_headers()
                self.wfile.write(answer.content)

            do_POST = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self) -> str:
        self.thread.start()
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
