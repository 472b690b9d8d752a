"""One call over HTTP, from its arrival to its answer."""

from __future__ import annotations

import enum
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

from ..trace_context import TraceContext, from_traceparent, new_id

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
_REQUEST_ID = re.compile(rb"[\w.:/+=@-]{1,128}")


class ServerTransport:
    """What the server knows of a call beyond ASGI. This one knows nothing, and serves without a connection."""

    def is_disconnected(self, call: HttpCall) -> bool:  # noqa: ARG002 (the interface)
        """Whether the client has gone."""
        return False

    def body(self, call: HttpCall) -> bytes | None:  # noqa: ARG002
        """The whole body where it has come already, else None."""
        return None

    def respond(self, call: HttpCall, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> bool:  # noqa: ARG002
        """Send a whole answer at once; false when that cannot be done and it has to go by ASGI."""
        return False


class StopReason(enum.Enum):
    """Why a call was stopped, and the status that is logged for it."""

    TIMEOUT = 504
    GONE = 499
    GRACE = 503


class CallCancelled(BaseException):
    """Raised inside the handler to stop it. Not an Exception: `except Exception` in user code must not swallow it."""


class HttpCall(msgspec.Struct, eq=False):
    """One call. `started` is on the clock of perf_counter; `status` is 0 until the answer begins.

    A struct, as it is made in a fraction of the time; identifiers are made when somebody asks for them.
    """

    scope: Scope
    receive: Receive
    send: Send
    headers: dict[bytes, bytes]
    started: float
    status: int = 0
    entered: float = 0.0  # when it was admitted; only kept where waiting has a limit
    reason: StopReason | None = None  # why it was stopped
    error_id: str = ""
    asked: float = 0.0  # when the handler was last asked to stop
    asks: int = 0  # how often
    parked: bool = False  # whether the call waits for a slot
    task: Any = None  # the asyncio task, while a handler runs on the loop
    future: Any = None  # what the loop awaits, while the call waits or a thread runs the handler
    job: Any = None  # the thread's side of the call
    held: int = 0  # bytes of its body that are counted
    form: Any = None  # whose files are removed after the call
    events: Any = None  # a batch of CloudEvents
    refusal: Any = None  # the HttpProblem that ended the reading of the body
    answered: bool = False  # whether all of the answer was sent, so that the client may go
    _trace: TraceContext | None = None
    _request_id: str = ""

    @property
    def trace(self) -> TraceContext:
        """Where the call stands in its trace."""
        if self._trace is None:
            self._trace = self.scope.get("ovenbird.trace") or from_traceparent(
                self.headers.get(b"traceparent"), self.headers.get(b"tracestate")
            )
        return self._trace

    @property
    def request_id(self) -> str:
        """The client's `X-Request-Id` when it is well formed, else a new one."""
        if not self._request_id:
            header = self.headers.get(b"x-request-id", b"")
            self._request_id = header.decode("latin-1") if _REQUEST_ID.fullmatch(header) else new_id(128)
        return self._request_id

    @property
    def waits(self) -> bool:
        """Whether the call was admitted and has no slot yet."""
        return self.parked or (
            self.job is not None and self.job.thread is None and self.future is not None and not self.future.done()
        )

    @property
    def trace_id(self) -> str:
        """The trace that the call belongs to."""
        return self.trace.trace_id

    @property
    def span_id(self) -> str:
        """The span of this call."""
        return self.trace.span_id

    @property
    def traceparent(self) -> str:
        """The header to send on."""
        return self.trace.traceparent

    @property
    def tracestate(self) -> str:
        """The header to send on beside `traceparent`; empty when the caller sent none."""
        return self.trace.tracestate

    def header(self, name: bytes) -> str:
        """The value of a header as text; empty when it was not sent."""
        return self.headers.get(name, b"").decode("latin-1")
