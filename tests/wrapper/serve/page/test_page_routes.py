"""The page's routes over HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from tests.raw import run_service
from tests.service import Service

_JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def fields(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with run_service(tmp_path_factory, "page/fields.py") as service:
        yield service


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with run_service(tmp_path_factory, "page/answers.py") as service:
        yield service


def test_the_page_has_nothing_inline_and_a_strict_policy(fields: Service) -> None:
    """No script, style or handler in the HTML; links are relative; what the function says is escaped."""
    answer = fields.get("/_/")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'self';")
    assert "unsafe" not in policy
    assert (answer.headers["x-content-type-options"], answer.headers["cache-control"]) == ("nosniff", "no-store")
    assert not re.findall(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|javascript:", answer.text)
    links = re.findall(r'(?:src|href)="([^"]*)"', answer.text)
    assert links
    assert not [link for link in links if link.startswith("/") or ":" in link]
    for link in links:
        assert fields.get(f"/_/{link}").status_code == 200
    assert "&lt;b&gt;markup&lt;/b&gt; stays text" in answer.text
    assert "hidden&#x27;" not in answer.text  # the default of `api_key`
    assert str(fields.log_path.parent) not in answer.text


def test_methods(fields: Service) -> None:
    """HEAD is GET without a body; others are 405 with those that are allowed."""
    head = fields.get("/_/page/page.css")
    answer = httpx.head(f"{fields.url}/_/", verify=False)
    assert (answer.status_code, answer.content) == (200, b"")
    refused = fields.post("/_/")
    assert (refused.status_code, set(refused.headers["allow"].split(", "))) == (405, {"GET", "HEAD"})
    assert fields.get("/_/page/plan").status_code == 405
    assert head.headers["content-type"] == "text/css; charset=utf-8"


@pytest.mark.parametrize("name", ["page.css", "page.js", "views.js", "elements.js", "icon.svg"])
def test_files_are_asked_for_again_and_not_sent_again(fields: Service, name: str) -> None:
    """A browser that has a file gets 304."""
    answer = fields.get(f"/_/page/{name}")
    assert answer.headers["cache-control"] == "no-cache"
    again = fields.get(f"/_/page/{name}", headers={"if-none-match": f'"old", W/{answer.headers["etag"]}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", answer.headers["etag"])


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"fields": [["a"]], "base": ""}', b"[" * 100_000, b"\xff"], ids=repr
)
def test_a_plan_needs_a_filled_form(fields: Service, body: bytes) -> None:
    """Anything else is 400, and too much is 413."""
    assert fields.post("/_/page/plan", content=body, headers=_JSON).status_code == 400


def test_a_form_is_bounded(fields: Service) -> None:
    """256 KiB of text are enough."""
    assert fields.post("/_/page/plan", content=b" " * (256 * 1024 + 1), headers=_JSON).status_code == 413


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", ""], ids=["text", "form", "none"])
def test_a_form_of_another_site_is_refused(fields: Service, media: str) -> None:
    """What a page of another site can send without being asked for is not planned."""
    answer = fields.post("/_/page/plan", content=b'{"fields": [], "base": ""}', headers={"content-type": media})
    assert (answer.status_code, "application/json" in answer.json()["detail"]) == (415, True)
    typed = {"content-type": "Application/JSON; charset=utf-8"}
    assert fields.post("/_/page/plan", content=b'{"fields": [], "base": ""}', headers=typed).status_code == 200


def test_it_costs_nothing_until_it_is_asked_for(answers: Service) -> None:
    """Neither a start, nor a probe, nor a call loads its modules."""
    assert answers.get("/_/live").status_code == 200
    assert answers.call({"kind": "modules"}).json() == []
    assert answers.get("/_/").status_code == 200
    assert "ovenbird.serve.page.page_html" in answers.call({"kind": "modules"}).json()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "there"),
    [(("--page", "off"), False), (("--admin-port", "off"), False), (("--admin-port", "off", "--page", "on"), True)],
    ids=["off", "admin", "both"],
)
def test_it_can_be_removed(tmp_path_factory: pytest.TempPathFactory, flags: tuple[str, ...], there: bool) -> None:
    """Without the page its paths are 404; a service that hides its contract has none unless it is asked for."""
    with run_service(tmp_path_factory, "page/answers.py", *flags) as service:
        for path in ("/_/", "/_/page/page.js"):
            assert service.get(path).status_code == (200 if there else 404)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "texts"),
    [
        ("asgi/main.py:app", ["application of its own", 'name=":path"']),
        ("wsgi/main.py:app", ["application of its own", 'name=":body"']),
    ],
)
def test_an_application_has_no_contract(
    tmp_path_factory: pytest.TempPathFactory, target: str, texts: list[str]
) -> None:
    """The page says so, and sends any request."""
    with run_service(tmp_path_factory, target) as service:
        page = service.get("/_/").text
        assert [text for text in texts if text not in page] == []
        assert "Contract</h2>" not in page
