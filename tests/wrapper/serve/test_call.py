"""The context of a call in its handler, and the handler's log."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import pytest
from tests.raw import Raw, run_service
from tests.service import Service

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture(scope="module", params=["handler", "later"])
def tell(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with run_service(tmp_path_factory, f"tell/main.py:{request.param}", "--log-format", "json") as service:
        service.sync = request.param == "handler"
        yield service


def test_context(tell: Service) -> None:
    """The context tells who runs, and holds what init has set on it; a sync handler is not on the main thread."""
    context = tell.call().json()
    assert (context["model"], context["worker"], context["trigger"], context["root"]) == ("loaded", 0, "http", "tell")
    assert context["name"] == ("handler" if tell.sync else "later")
    assert context["main_thread"] is not tell.sync


def test_request_id(tell: Service) -> None:
    """A well-formed X-Request-Id of the client's is the call's."""
    assert tell.call(headers={"x-request-id": "mine-1.2:3"}).json()["request_id"] == "mine-1.2:3"


@pytest.mark.parametrize("header", ["", "with space", "x" * 129, "a\tb", 'quo"te', "ä".encode()])
def test_malformed_request_id(tell: Service, header: str | bytes) -> None:
    """A malformed X-Request-Id is not used, as it would end up in the log."""
    with Raw(tell) as client:
        value = header.encode() if isinstance(header, str) else header
        client.send(b"POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 0\r\nx-request-id: %s\r\n\r\n" % value)
        body = client.answer().body
    match = re.search(rb'"request_id":"([^"]*)"', body)
    assert match
    assert re.fullmatch(rb"[0-9a-f]{32}", match[1])


def test_new_ids(tell: Service) -> None:
    """Without headers each call has ids of its own, of the form that W3C wants."""
    first, second = tell.call().json(), tell.call().json()
    assert first["request_id"] != second["request_id"]
    assert first["trace_id"] != second["trace_id"]
    assert re.fullmatch(f"00-{first['trace_id']}-{first['span_id']}-00", first["traceparent"])


def test_traceparent(tell: Service) -> None:
    """A trace of the client's is continued with a span of our own, and its flags."""
    context = tell.call(headers={"traceparent": f"00-{TRACE}-{SPAN}-01"}).json()
    assert context["trace_id"] == TRACE
    assert context["span_id"] != SPAN
    assert context["traceparent"] == f"00-{TRACE}-{context['span_id']}-01"


@pytest.mark.parametrize("header", [
    "", "x", f"ff-{TRACE}-{SPAN}-01", f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01",
    f"00-{TRACE.upper()}-{SPAN}-01",
])  # fmt: skip
def test_malformed_traceparent(tell: Service, header: str) -> None:
    """A malformed traceparent starts a new trace."""
    assert tell.call(headers={"traceparent": header}).json()["trace_id"] not in (TRACE, TRACE.upper(), "0" * 32)


def test_log(tell: Service) -> None:
    """A log line of the handler is a JSON record with its fields and the ids of its call, from a thread too."""
    context = tell.call(headers={"x-request-id": "logged"}).json()
    tell.wait_log('"status":200,"duration"')
    records = {record["message"]: record for record in tell.records if record.get("request_id") == "logged"}
    assert (records["counted"]["number"], records["counted"]["kind"], records["counted"]["level"]) == (3, "x", "info")
    assert (records["plain text"]["level"], records["failed"]["code"]) == ("warning", 7)
    for name in ("counted", "plain text", "failed"):
        assert records[name]["trace_id"] == context["trace_id"]
        assert records[name]["span_id"] == context["span_id"]


def test_log_within_a_stream(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A generator that an async handler returns runs in a thread, and still knows its call."""
    with run_service(tmp_path_factory, "tell/main.py:stream", "--log-format", "json") as service:
        assert service.call(headers={"x-request-id": "streamed"}).text == "streamed"
        service.wait_log("within")
        assert [r["request_id"] for r in service.records if r["message"] == "within"] == ["streamed"]


def test_context_response(tmp_path_factory: pytest.TempPathFactory) -> None:
    """`context.Response` says more than a body."""
    with run_service(tmp_path_factory, "tell/main.py:respond") as service:
        answer = service.call()
        assert (answer.status_code, answer.json(), answer.headers["x-a"]) == (202, {"a": 1}, "1")


LINES = """
def handler(event):
    names = ("x-list", "cookie", "accept", "content-type", "x-one", "authorization")
    return {name: event.get_header(name) for name in names} | {"id": event.id, "type": event.content_type}
"""


def test_several_lines_of_a_header(serve: Callable[..., Service]) -> None:
    """Several lines of one header are one list, cookies one line of cookies; a repeated media type is that type."""
    with Raw(serve(LINES)) as client:
        client.send(
            b"POST / HTTP/1.1\r\nHost: t\r\nX-List: a\r\ncookie: a=b\r\nx-list: b, c\r\nCookie: c=d\r\nx-one: 1\r\n"
            b"content-type: text/plain\r\nContent-Type: text/plain\r\ncontent-length: 0\r\nX-LIST: a\r\n"
            b"accept: text/html\r\naccept: text/*;q=0.1\r\nx-request-id: one\r\nx-request-id: two\r\n"
            b"authorization: Bearer a\r\nauthorization: Bearer b\r\n\r\n"
        )
        values = json.loads(client.answer().body)
    assert re.fullmatch("[0-9a-f]{32}", values.pop("id"))  # two ids are none
    assert values == {
        "x-list": "a, b, c, a", "cookie": "a=b; c=d", "accept": "text/html, text/*;q=0.1", "x-one": "1",
        "content-type": "text/plain", "type": "text/plain", "authorization": "Bearer a, Bearer b",
    }  # fmt: skip


STREAM = """
def handler():
    yield "a"
"""


def test_accept_in_several_lines(serve: Callable[..., Service]) -> None:
    """An Accept header may come in several lines: all of them count."""
    with Raw(serve(STREAM)) as client:
        client.send(b"GET / HTTP/1.1\r\nhost: t\r\naccept: text/event-stream\r\naccept: text/html;q=0.1\r\n\r\n")
        assert client.answer().body == b"data: a\n\n"


def test_two_media_types(serve: Callable[..., Service]) -> None:
    """A body with two different Content-Type headers is a 415."""
    with Raw(serve("def handler(a: int):\n    return a\n")) as client:
        lines = b"content-type: application/json\r\ncontent-type: text/csv\r\n"
        client.send(b"POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 8\r\n" + lines + b'\r\n{"a": 1}')
        assert client.answer().status == 415


def test_two_traces(serve: Callable[..., Service]) -> None:
    """Two `traceparent` headers start a new trace."""
    source = "def handler(context):\n    return context.trace_id\n"
    with Raw(serve(source)) as client:
        line = f"traceparent: 00-{TRACE}-{SPAN}-01\r\n".encode()
        client.send(b"GET / HTTP/1.1\r\nhost: t\r\n" + line * 2 + b"\r\n")
        assert client.answer().body.decode() != TRACE
