"""W3C trace context."""

from __future__ import annotations

import re

import pytest

from ovenbird.trace_context import from_traceparent, new_id

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_a_callers_trace_is_continued_with_a_new_span() -> None:
    """The trace id and the flags stay; the caller's span is the parent of ours."""
    trace = from_traceparent(f"00-{TRACE}-{SPAN}-01".encode())
    assert (trace.trace_id, trace.parent_id, trace.flags) == (TRACE, SPAN, "01")
    assert trace.span_id != SPAN
    assert trace.traceparent == f"00-{TRACE}-{trace.span_id}-01"


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    """A higher version may carry more; what is sent on is version 00, with the flags that it knows."""
    trace = from_traceparent(f"cc-{TRACE}-{SPAN}-ff-what.the.future.brings".encode())
    assert (trace.trace_id, trace.flags) == (TRACE, "03")
    assert trace.traceparent.startswith("00-")


@pytest.mark.parametrize(
    "header",
    [
        None,
        b"",
        b"nonsense",
        f"ff-{TRACE}-{SPAN}-01".encode(),
        f"00-{'0' * 32}-{SPAN}-01".encode(),
        f"00-{TRACE}-{'0' * 16}-01".encode(),
        f"00-{TRACE.upper()}-{SPAN}-01".encode(),
        f"00-{TRACE}-{SPAN}-01-more".encode(),
        f"00-{TRACE}-{SPAN}-1".encode(),
        f"00-{TRACE}-{SPAN}-01\n".encode(),
        f"cc-{TRACE}-{SPAN}-01.more".encode(),
        f"00-{TRACE}-{SPAN}-\xff".encode("latin-1"),
    ],
)
def test_a_malformed_header_starts_a_new_trace(header: bytes | None) -> None:
    """The specification demands it: a header that does not parse is dropped as a whole."""
    trace = from_traceparent(header)
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", trace.traceparent)
    assert trace.trace_id != TRACE
    assert trace.parent_id == ""


def test_ids_are_random_and_padded() -> None:
    """Each id has its full width, and all ids differ."""
    ids = {new_id(64) for _ in range(2000)}
    assert len(ids) == 2000
    assert {len(number) for number in ids} == {16}


@pytest.mark.parametrize(
    "state",
    [
        "abcdefghijklmnopqrstuvwxyz0123456789_-*/=1",
        "a-b@vendor=1",
        "0tenant@vendor=1",
        "foo=" + "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in ",="),
        "foo=a b",
        "z" * 256 + "=1",
        "t" * 241 + "@" + "v" * 14 + "=1",
        "foo=" + "v" * 256,
    ],
)
def test_a_vendors_state_is_sent_on(state: str) -> None:
    """All characters and lengths that the specification allows."""
    assert from_traceparent(f"00-{TRACE}-{SPAN}-01".encode(), state.encode()).tracestate == state


@pytest.mark.parametrize(
    "state",
    [
        "foo", "foo=", "=1", "foo =1", "FOO=1", "foo.bar=1", "foo@=1,bar=2", "@foo=1,bar=2", "foo@@bar=1",
        "foo=1,foo=2", "foo=1,foo=1",
        "foo@bar@baz=1", "foo=bar=baz", "foo=,bar=3", "foo=1,b\xe9=2", "foo=\xe9", "foo=a\x00", "z" * 257 + "=1",
        "t" * 242 + "@v=1", "t@" + "v" * 15 + "=1", "foo=" + "v" * 257,
        ",".join(f"bar{number}=1" for number in range(33)),
    ],
)  # fmt: skip
def test_a_malformed_state_is_dropped_alone(state: str) -> None:
    """The trace is continued without it."""
    trace = from_traceparent(f"00-{TRACE}-{SPAN}-01".encode(), state.encode("latin-1"))
    assert (trace.trace_id, trace.tracestate) == (TRACE, "")
