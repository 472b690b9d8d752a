"""W3C trace context: continue the caller's trace with a span of our own, or start one."""

from __future__ import annotations

import os
import random
import re

import msgspec

_PARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[^,]*)?")  # a comma joins lines
_MEMBER = re.compile(
    r"(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})="
    r"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
_MOST_MEMBERS = 32
_POOLED = 64  # digits for so many calls are drawn at once
_KNOWN_FLAGS = 0b11  # sampled, random; others must not be passed on


class TraceContext(msgspec.Struct, frozen=True, gc=False):
    """The position of a call in a trace. `parent_id` is the caller's span, empty when the trace starts here.

    It is a struct because that is several times faster to create.
    """

    trace_id: str
    span_id: str
    parent_id: str
    flags: str
    tracestate: str = ""  # vendors' data of the caller's trace, sent on unchanged

    @property
    def traceparent(self) -> str:
        """The header for the next service."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


def from_traceparent(traceparent: bytes | None, tracestate: bytes | None = None) -> TraceContext:
    """Return the trace of a call that came with these headers.

    A malformed `traceparent`, or several of them, starts a new trace, which drops `tracestate` too; a malformed
    `tracestate` is dropped alone (W3C Trace Context, 3.2 and 3.3).
    """
    match = _PARENT.fullmatch(traceparent) if traceparent else None
    if not match or match[1] == b"ff" or (match[1] == b"00" and match[5]) or not int(match[2], 16) * int(match[3], 16):
        return TraceContext(new_id(128), new_id(64), "", "00")
    flags = f"{int(match[4], 16) & _KNOWN_FLAGS:02x}"
    state = vendor_state(tracestate.decode("latin-1")) if tracestate else ""
    return TraceContext(match[2].decode(), new_id(64), match[3].decode(), flags, state)


def vendor_state(text: str) -> str:
    """Return a `tracestate` in its canonical form, or an empty text for one that is malformed or has a key twice.

    Several header lines are one list, joined by commas; empty members are left out.
    """
    members = [member for part in text.split(",") if (member := part.strip(" \t"))]
    if len(members) > _MOST_MEMBERS or not all(_MEMBER.fullmatch(member) for member in members):
        return ""
    keys = {member.partition("=")[0] for member in members}
    return ",".join(members) if len(keys) == len(members) else ""


def new_id(bits: int) -> str:
    """Return a random id that is not zero, in lower-case hexadecimal digits."""
    return f"{random.getrandbits(bits) or 1:0{bits // 4}x}"


def new_digits() -> str:
    """Return 80 random hexadecimal digits, which are drawn from the system for many calls at once."""
    try:
        return _pool.pop()
    except IndexError:
        text = os.urandom(40 * _POOLED).hex()
        _pool.extend(text[start : start + 80] for start in range(80, len(text), 80))
        return text[:80]


_pool: list[str] = []
os.register_at_fork(after_in_child=_pool.clear)  # the ids of two processes must differ
