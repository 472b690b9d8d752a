"""What a handler is told about its call, and what it logs."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from tests.raw import Raw, running
from tests.service import Service

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture(scope="module", params=["handler", "later"])
def tell(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(tmp_path_factory, f"tell/main.py:{request.param}", "--log-format", "json") as service:
        service.sync = request.param == "handler"
        yield service


def test_context(tell: Service) -> None:
    """The context tells who runs, and holds what init has set on it; a sync handler is not on the main thread."""
    told = tell.call().json()
    assert (told["model"], told["worker"], told["trigger"], told["root"]) == ("loaded", 0, "http", "tell")
    assert told["name"] == ("handler" if tell.sync else "later")
    assert told["main_thread"] is not tell.sync


def test_request_id(tell: Service) -> None:
    """A well-formed X-Request-Id of the client's is the call's."""
    assert tell.call(headers={"x-request-id": "mine-1.2:3"}).json()["request_id"] == "mine-1.2:3"


@pytest.mark.parametrize("given", ["", "with space", "x" * 129, "a\tb", 'quo"te', "ä".encode()])
def test_malformed_request_id(tell: Service, given: str | bytes) -> None:
    """A malformed X-Request-Id is not taken: it would end up in the log."""
    with Raw(tell) as client:
        value = given.encode() if isinstance(given, str) else given
        client.send(b"POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 0\r\nx-request-id: %s\r\n\r\n" % value)
        body = client.answer().body
    found = re.search(rb'"request_id":"([^"]*)"', body)
    assert found
    assert re.fullmatch(rb"[0-9a-f]{32}", found[1])


def test_new_ids(tell: Service) -> None:
    """Without headers each call has ids of its own, of the form that W3C wants."""
    first, second = tell.call().json(), tell.call().json()
    assert first["request_id"] != second["request_id"]
    assert first["trace_id"] != second["trace_id"]
    assert re.fullmatch(f"00-{first['trace_id']}-{first['span_id']}-00", first["traceparent"])


def test_traceparent(tell: Service) -> None:
    """A trace of the client's is continued with a span of our own, and its flags."""
    told = tell.call(headers={"traceparent": f"00-{TRACE}-{SPAN}-01"}).json()
    assert told["trace_id"] == TRACE
    assert told["span_id"] != SPAN
    assert told["traceparent"] == f"00-{TRACE}-{told['span_id']}-01"


@pytest.mark.parametrize("given", [
    "", "x", f"ff-{TRACE}-{SPAN}-01", f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01",
    f"00-{TRACE.upper()}-{SPAN}-01",
])  # fmt: skip
def test_malformed_traceparent(tell: Service, given: str) -> None:
    """A malformed traceparent starts a new trace."""
    assert tell.call(headers={"traceparent": given}).json()["trace_id"] not in (TRACE, TRACE.upper(), "0" * 32)


def test_log(tell: Service) -> None:
    """What the handler logs is a JSON record with its fields and the ids of its call, from a thread too."""
    told = tell.call(headers={"x-request-id": "logged"}).json()
    tell.wait_log('"status":200,"duration"')
    records = {record["message"]: record for record in tell.records if record.get("request_id") == "logged"}
    assert (records["counted"]["number"], records["counted"]["kind"], records["counted"]["level"]) == (3, "x", "info")
    assert (records["plain text"]["level"], records["failed"]["code"]) == ("warning", 7)
    for name in ("counted", "plain text", "failed"):
        assert records[name]["trace_id"] == told["trace_id"]
        assert records[name]["span_id"] == told["span_id"]


def test_log_within_a_stream(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A generator that an async handler returns runs in a thread, and still knows its call."""
    with running(tmp_path_factory, "tell/main.py:stream", "--log-format", "json") as service:
        assert service.call(headers={"x-request-id": "streamed"}).text == "streamed"
        service.wait_log("within")
        assert [r["request_id"] for r in service.records if r["message"] == "within"] == ["streamed"]


def test_context_response(tmp_path_factory: pytest.TempPathFactory) -> None:
    """`context.Response` says more than a body."""
    with running(tmp_path_factory, "tell/main.py:respond") as service:
        answer = service.call()
        assert (answer.status_code, answer.json(), answer.headers["x-a"]) == (202, {"a": 1}, "1")
