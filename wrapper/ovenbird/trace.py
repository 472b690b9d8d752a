"""W3C trace context: continue the caller's trace with a span of our own, or start one."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

_PARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_KNOWN_FLAGS = 0b11  # sampled, random; others must not be passed on


@dataclass(frozen=True, slots=True)
class Trace:
    """Where a call stands in a trace: `parent_id` is the caller's span, empty when the trace starts here."""

    trace_id: str
    span_id: str
    parent_id: str
    flags: str

    @property
    def traceparent(self) -> str:
        """The header to send on."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


def continued(traceparent: bytes | None) -> Trace:
    """The trace of a call that came with this `traceparent` header; a malformed one starts a new trace."""
    found = _PARENT.fullmatch(traceparent) if traceparent else None
    if not found or found[1] == b"ff" or (found[1] == b"00" and found[5]) or not int(found[2], 16) * int(found[3], 16):
        return Trace(new_id(128), new_id(64), "", "00")
    return Trace(found[2].decode(), new_id(64), found[3].decode(), f"{int(found[4], 16) & _KNOWN_FLAGS:02x}")


def new_id(bits: int) -> str:
    """A random id that is not zero, in lower-case hexadecimal."""
    return f"{random.getrandbits(bits) or 1:0{bits // 4}x}"
