"""The request that a filled form stands for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.loading import Project

from ovenbird.serve.page.call_form import BODY, FILE, MEDIA, METHOD, PATH, choose_form
from ovenbird.serve.page.call_plan import CallPlan, ChosenFile, plan_call

HEAD = "from dataclasses import dataclass\nfrom starlette.datastructures import UploadFile\n"


def plan(project: Project, signature: str, *pairs: tuple[str, str], **options: Any) -> CallPlan:
    """Return the planned call of a handler; `files` by field, `methods` of the service."""
    form = choose_form(project.handler(f"{HEAD}\ndef handler({signature}): ..."), options.get("methods", ()))
    call, errors = plan_call(form, pairs, options.get("files", {}), "mark")
    assert call is not None, errors
    return call


def test_arguments_become_json(project: Project) -> None:
    """What is as its default is left out; numbers of any length, quotes and controls arrive as they were typed."""
    number = "9" * 30
    call = plan(project, "a: int, b: str, c: int = 3", ("a", number), ("b", "'\"\u202e\U0001f426"), ("c", "3"))
    assert (call.method, call.path, call.headers) == ("POST", "", {"content-type": "application/json"})
    assert isinstance(call.content, str)
    assert json.loads(call.content) == {"a": int(number), "b": "'\"\u202e\U0001f426"}
    assert "\u202e" not in call.content


def test_a_payload_is_the_value_itself(project: Project) -> None:
    """A lone parameter is the whole body."""
    assert plan(project, "items: list[int]", ("items", "1\n2")).content == "[1, 2]"
    assert plan(project, "n: dict = {}", ("n", "")).content == "{}"


def test_the_bytes_of_a_file_are_put_in_by_the_page(project: Project) -> None:
    """A `bytes` argument stands as a placeholder in the JSON text."""
    call = plan(project, "a: bytes, n: int = 1", files={"a": ["x.png"]})
    assert call.content == '{"a": "mark-0"}'
    assert call.encoded == {"mark-0": ChosenFile("a", "x.png")}


def test_files_are_parts_of_a_form(project: Project) -> None:
    """Texts are as they are, other values as JSON; each file is a part."""
    call = plan(
        project, "f: list[UploadFile], n: int = 1, s: str = '', t: list[str] = []",
        ("n", "2"), ("s", "5"), ("t", "x\ny"), files={"f": ["a", "b"]},
    )  # fmt: skip
    assert call.content == [
        ("n", "2"), ("s", "5"), ("t", "x"), ("t", "y"), ("f", ChosenFile("f", "a")), ("f", ChosenFile("f", "b")),
    ]  # fmt: skip


def test_a_service_without_bodies_gets_a_query(project: Project) -> None:
    """Values are escaped."""
    call = plan(project, "a: int, s: str", ("a", "1"), ("s", "x&y=z"), methods=("GET",))
    assert (call.method, call.path, call.content) == ("GET", "?a=1&s=x%26y%3Dz", None)


@pytest.mark.parametrize(
    ("path", "sent"),
    [("/", ""), ("//evil.example/x", "evil.example/x"), ("/a b?q=\u00e4#part", "a%20b?q=%C3%A4"), ("a%2Fb", "a%2Fb"),
     ("\\\\x", "x"), ("https://evil.example", "https://evil.example")],
)  # fmt: skip
def test_a_raw_request_stays_below_the_service(project: Project, path: str, sent: str) -> None:
    """The path is relative to the root of the service, whatever was typed."""
    call = plan(project, "event", (METHOD, '"PUT"'), (PATH, path), (MEDIA, "text/plain"), (BODY, "x"))
    assert (call.method, call.path, call.content) == ("PUT", sent, "x")
    assert call.headers == {"content-type": "text/plain"}


def test_a_file_replaces_a_raw_body_and_get_has_none(project: Project) -> None:
    """A body that is not sent has no media type either."""
    pairs = ((METHOD, '"POST"'), (PATH, "/"), (MEDIA, "a/b"), (BODY, "x"))
    assert plan(project, "event", *pairs, files={FILE: ["f"]}).content == ChosenFile(FILE, "f")
    call = plan(project, "event", (METHOD, '"GET"'), *pairs[1:])
    assert (call.method, call.content, call.headers) == ("GET", None, {})


def test_what_does_not_fit_is_no_request(project: Project) -> None:
    """The errors are by field."""
    form = choose_form(project.handler("def handler(a: int, b: int = 1): ..."), ())
    assert plan_call(form, [("a", "x"), ("b", "2")], {}, "mark") == (
        None, {"a": "Expected a whole number, found 'x'."},
    )  # fmt: skip
