"""Which form calls a handler."""

from __future__ import annotations

import pytest
from tests.loading import Project

from ovenbird.serve.page.call_form import BODY, MEDIA, METHOD, choose_form

HEAD = """
from dataclasses import dataclass
from starlette.datastructures import UploadFile
from ovenbird import CloudEvent
@dataclass
class Order:
    city: str
    count: int = 1
"""


@pytest.mark.parametrize(
    ("signature", "layout", "names"),
    [
        ("a: int, b: str = ''", "arguments", ["a", "b"]), ("context, a: int", "arguments", ["a"]),
        ("", "arguments", []),
        ("file: UploadFile, n: int = 1", "multipart", ["file", "n"]), ("order: Order", "payload", ["city", "count"]),
        ("order: dict", "value", ["order"]), ("items: list[int]", "value", ["items"]),
        ("a: int, **more", "arguments", ["a", "**"]), ("body: bytes", "raw", None), ("context, event", "raw", None),
        ("event: CloudEvent", "raw", None),
    ],
)  # fmt: skip
def test_the_payload_decides(project: Project, signature: str, layout: str, names: list[str] | None) -> None:
    """Arguments are fields, a payload with fields is too; what reads the request itself gets a raw one."""
    form = choose_form(project.handler(f"{HEAD}\ndef handler({signature}): ..."), ())
    assert (form.layout.value, form.method, form.streams) == (layout, "POST", False)
    if names is not None:
        assert [field.name for field in form.fields] == names


def test_a_cloudevent_begins_with_an_example(project: Project) -> None:
    """The body is an event in structured mode, which can be sent as it is."""
    form = choose_form(project.handler(f"{HEAD}\ndef handler(event: CloudEvent): ..."), ())
    defaults = {field.name: field.default for field in form.fields}
    assert defaults[MEDIA] == "application/cloudevents+json"
    assert '"specversion": "1.0"' in defaults[BODY]


def test_an_application_takes_any_request(project: Project) -> None:
    """It has no contract, and begins with GET."""
    form = choose_form(project.handler("async def handler(scope, receive, send): ..."), ())
    assert (form.layout.value, form.fields[0].default) == ("raw", "GET")


def test_only_methods_that_the_service_takes_are_used(project: Project) -> None:
    """PUT in place of POST, a query where no method has a body, and a choice of these in a raw request."""
    handler = project.handler("def handler(a: int): ...")
    assert choose_form(handler, ("GET", "PUT")).method == "PUT"
    form = choose_form(handler, ("GET", "HEAD"))
    assert (form.layout.value, form.method) == ("query", "GET")
    raw = choose_form(project.handler("def handler(event): ..."), ("PUT", "DELETE"))
    assert (raw.fields[0].name, raw.fields[0].choices, raw.fields[0].default) == (METHOD, ("PUT", "DELETE"), "PUT")
