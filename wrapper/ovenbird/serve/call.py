"""One call over HTTP, from its arrival to its answer."""

from __future__ import annotations

import enum
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

from ..trace_context import TraceContext, from_traceparent, new_digits, new_id

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
_REQUEST_ID = re.compile(rb"[\w.:/+=@-]{1,128}")


class ServerTransport:
    """Access to a call beyond ASGI. This base class has none; it serves calls without a connection."""

    def is_disconnected(self, call: HttpCall) -> bool:  # noqa: ARG002 (the interface)
        """Return whether the client has disconnected."""
        return False

    def body(self, call: HttpCall) -> bytes | None:  # noqa: ARG002
        """Return the body if it has arrived completely, else None."""
        return None

    def respond(self, call: HttpCall, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> bool:  # noqa: ARG002
        """Send a complete answer in one write. Return False if that is not possible: then it is sent by ASGI."""
        return False


class StopReason(enum.Enum):
    """The reason why a call was stopped, and its status in the log."""

    TIMEOUT = 504
    GONE = 499
    GRACE = 503


class CallCancelled(BaseException):
    """Raised inside the handler to stop it. Not an Exception: `except Exception` in user code must not swallow it."""


class HttpCall(msgspec.Struct, eq=False):
    """One call. `started` is on the clock of perf_counter; `status` is 0 until the answer begins.

    It is a struct because that is several times faster to create. Identifiers are generated on first use.
    """

    scope: Scope
    receive: Receive
    send: Send
    headers: dict[bytes, bytes]
    started: float
    status: int = 0
    entered: float = 0.0  # when it was admitted; set only if waiting has a limit
    reason: StopReason | None = None  # why it was stopped
    error_id: str = ""
    cancelled_at: float = 0.0  # when the handler was last asked to stop
    cancel_count: int = 0  # how often it was asked to stop
    is_queued: bool = False  # whether the call waits for a slot
    task: Any = None  # the asyncio task, while a handler runs on the loop
    future: Any = None  # what the loop awaits, while the call waits or a thread runs the handler
    job: Any = None  # the thread's side of the call
    held_bytes: int = 0  # bytes of its body that `BodyMemory` counts
    form: Any = None  # the multipart form, whose files are removed after the call
    events: Any = None  # a batch of CloudEvents
    refusal: Any = None  # the HttpProblem that ended the reading of the body
    is_answered: bool = False  # whether all of the answer was sent, so that the client may disconnect
    _trace: TraceContext | None = None
    _request_id: str = ""
    _digits: str = ""  # of the ids, if they were generated at once

    @property
    def trace(self) -> TraceContext:
        """Return the trace context of the call."""
        if self._trace is None:
            digits = self.draw_digits()
            if digits:
                self._trace = TraceContext(digits[32:64], digits[64:], "", "00")
            else:
                self._trace = self.scope.get("ovenbird.trace") or from_traceparent(
                    self.headers.get(b"traceparent"), self.headers.get(b"tracestate")
                )
        return self._trace

    @property
    def request_id(self) -> str:
        """Return the client's `X-Request-Id` if it is well formed, else a new id."""
        if not self._request_id:
            digits = self.draw_digits()
            if digits:
                self._request_id = digits[:32]
            else:
                header = self.headers.get(b"x-request-id", b"")
                self._request_id = header.decode("latin-1") if _REQUEST_ID.fullmatch(header) else new_id(128)
        return self._request_id

    def draw_digits(self) -> str:
        """Return the 80 digits of all ids of this call, or `""` for a call that came with an id.

        The request's are the first 32, the trace's the next 32, the span's the last 16.
        """
        if not self._digits:
            headers = self.headers
            if b"traceparent" in headers or b"x-request-id" in headers or "ovenbird.trace" in self.scope:
                return ""
            self._digits = new_digits()
        return self._digits

    @property
    def is_waiting(self) -> bool:
        """Return whether the call was admitted and has no slot yet."""
        return self.is_queued or (
            self.job is not None and self.job.thread is None and self.future is not None and not self.future.done()
        )

    @property
    def trace_id(self) -> str:
        """Return the id of the trace."""
        return self.trace.trace_id

    @property
    def span_id(self) -> str:
        """Return the id of the span of this call."""
        return self.trace.span_id

    @property
    def traceparent(self) -> str:
        """Return the `traceparent` header for requests to other services."""
        return self.trace.traceparent

    @property
    def tracestate(self) -> str:
        """Return the `tracestate` header for requests to other services; `""` if the caller sent none."""
        return self.trace.tracestate

    def header(self, name: bytes) -> str:
        """Return the value of a header as text; `""` if it was not sent."""
        return self.headers.get(name, b"").decode("latin-1")
