"""The cases of W3C Trace Context that are a runtime's, over HTTP, with and without OpenTelemetry.

They are those of the working group's own test harness, written anew: what of the headers is continued, what is not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.raw import Raw, run_service
from tests.service import Service

TRACE, SPAN = "12345678901234567890123456789012", "1234567890123456"
PARENT = f"00-{TRACE}-{SPAN}-01"
SOURCE = """
async def handler(context):
    return {"trace_id": context.trace_id, "traceparent": context.traceparent, "tracestate": context.tracestate}
"""


@pytest.fixture(scope="module", params=["plain", "opentelemetry"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    path = tmp_path_factory.mktemp("trace") / "main.py"
    path.write_text(SOURCE)
    environ = {"OTEL_TRACES_EXPORTER": "console"} if request.param == "opentelemetry" else {}
    with run_service(tmp_path_factory, str(path), **environ) as server:
        yield server


def trace_of(service: Service, *lines: str) -> dict[str, Any]:
    """Return the trace that the handler sees for a request with these header lines."""
    with Raw(service) as client:
        client.send("\r\n".join(("GET / HTTP/1.1", "Host: a", *lines, "", "")).encode("latin-1"))
        answer = client.answer()
    assert answer.status == 200
    trace: dict[str, Any] = json.loads(answer.body)
    return trace


@pytest.mark.parametrize("line", [
    f"traceparent: {PARENT}", f"TraceParent: {PARENT}", f"tRaCePaReNt: {PARENT}",
    f"traceparent:   {PARENT}", f"traceparent: {PARENT}   ", f"traceparent:\t{PARENT}\t", f"traceparent:{PARENT}",
    f"traceparent: cc-{TRACE}-{SPAN}-01", f"traceparent: cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like",
    f"traceparent: 00-{TRACE}-{SPAN}-00", f"traceparent: 00-{TRACE}-{SPAN}-ff",
])  # fmt: skip
def test_a_trace_is_continued(service: Service, line: str) -> None:
    """The trace id stays, the span is our own; names have any case, blanks around the value do not count."""
    context = trace_of(service, line)
    assert context["trace_id"] == TRACE
    version, trace, span, flags = context["traceparent"].split("-")
    assert (version, trace) == ("00", TRACE)
    assert span != SPAN
    assert len(flags) == 2


@pytest.mark.parametrize("value", [
    "", "x", f"ff-{TRACE}-{SPAN}-01", f".0-{TRACE}-{SPAN}-01", f"0.-{TRACE}-{SPAN}-01", f"000-{TRACE}-{SPAN}-01",
    f"0-{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-01.what-the-future-will-not-be-like", f"00-{'0' * 32}-{SPAN}-01",
    f"00-.{TRACE[1:]}-{SPAN}-01", f"00-{TRACE[:-1]}.-{SPAN}-01", f"00-{TRACE}0-{SPAN}-01", f"00-{TRACE[:-1]}-{SPAN}-01",
    f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE}-.{SPAN[1:]}-01", f"00-{TRACE}-{SPAN}0-01", f"00-{TRACE}-{SPAN[:-1]}-01",
    f"00-{TRACE}-{SPAN}-.0", f"00-{TRACE}-{SPAN}-0.", f"00-{TRACE}-{SPAN}-001", f"00-{TRACE}-{SPAN}-1",
    f"00-{TRACE}-{SPAN}-01-what-the-future-will-be-like", PARENT.replace("-", "_"), f"00-{TRACE}-{SPAN}",
])  # fmt: skip
def test_a_malformed_parent_starts_a_new_trace(service: Service, value: str) -> None:
    """The state of vendors for the old trace is dropped with it."""
    context = trace_of(service, f"traceparent: {value}", "tracestate: foo=1")
    assert context["trace_id"] not in (TRACE, "0" * 32)
    assert context["tracestate"] == ""


def test_two_parents_start_a_new_trace(service: Service) -> None:
    """The right one is unknown, whether they are equal or not, and in whatever case their names are."""
    other = PARENT.replace("1", "2")
    assert trace_of(service, f"traceparent: {PARENT}", f"traceparent: {other}")["trace_id"] not in (TRACE, other[3:35])
    assert trace_of(service, f"traceparent: {PARENT}", f"Traceparent: {PARENT}")["trace_id"] != TRACE
    later = f"traceparent: cc-{TRACE}-{SPAN}-01-x"
    assert trace_of(service, later, later)["trace_id"] != TRACE


def test_state_without_a_parent_is_dropped(service: Service) -> None:
    """Without a parent the state belongs to an unknown trace."""
    assert trace_of(service, "tracestate: foo=1")["tracestate"] == ""


@pytest.mark.parametrize(("lines", "state"), [
    (["tracestate: foo=1"], "foo=1"), (["TraceState: foo=1"], "foo=1"),
    (["tracestate: foo=1", "tracestate: bar=2"], "foo=1,bar=2"),
    (["tracestate: foo=1,bar=2", "tracestate: rojo=1,congo=2", "tracestate: x=3"], "foo=1,bar=2,rojo=1,congo=2,x=3"),
    (["tracestate: foo=1", "tracestate: ", "tracestate: bar=2"], "foo=1,bar=2"),
    (["tracestate: "], ""),
    (["tracestate: foo=1,foo=2"], ""), (["tracestate: foo=1", "tracestate: bar=2", "tracestate: foo=1"], ""),
    (["tracestate: foo=1 \t , \t bar=2, \t baz=3"], "foo=1,bar=2,baz=3"),
    (["tracestate: " + ",".join(f"bar{n:02}=1" for n in range(32))], ",".join(f"bar{n:02}=1" for n in range(32))),
])  # fmt: skip
def test_state_is_one_list(service: Service, lines: list[str], state: str) -> None:
    """Several lines are joined in their order, without empty members and blanks. A key that is repeated drops them."""
    assert trace_of(service, f"traceparent: {PARENT}", *lines)["tracestate"] == state
