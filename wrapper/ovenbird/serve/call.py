"""One call over HTTP, from its arrival to its answer."""

from __future__ import annotations

import enum
import re
from collections.abc import Awaitable, Callable, MutableMapping
from time import perf_counter
from typing import Any

from ..trace import Trace, continued, new_id

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
_REQUEST_ID = re.compile(rb"[\w.:/+=@-]{1,128}")


class Reason(enum.Enum):
    """Why a call was stopped, and the status that is logged for it."""

    TIMEOUT = 504
    GONE = 499
    GRACE = 503


class CallStopped(BaseException):
    """Raised inside the handler to stop it. Not an Exception: `except Exception` in user code must not swallow it."""


class Call:
    """One call. `started` is on the clock of perf_counter; `status` is 0 until it is known.

    The identifiers are made when somebody asks for them: most calls need none.
    """

    __slots__ = (
        "_request_id", "_trace", "asked", "error_id", "events", "form", "future", "headers", "job", "parked", "reason",
        "receive", "scope", "send", "started", "status", "streamed", "task",
    )  # fmt: skip

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.started = perf_counter()
        self.status = 0
        self.reason: Reason | None = None
        self.error_id = ""
        self.asked = 0.0  # when the handler was last asked to stop
        self.parked = False  # whether the call waits for a slot
        self.task: Any = None  # the asyncio task, while a handler runs on the loop
        self.future: Any = None  # what the loop awaits, while the call waits or a thread runs the handler
        self.job: Any = None  # the thread's side of the call
        self.streamed = False  # whether the body is read piece by piece
        self.form: Any = None  # whose files are removed after the call
        self.events: Any = None  # a batch of CloudEvents
        self._trace: Trace | None = None
        self._request_id = ""

    @property
    def trace(self) -> Trace:
        """Where the call stands in its trace."""
        if self._trace is None:
            self._trace = continued(self.headers.get(b"traceparent"))
        return self._trace

    @property
    def request_id(self) -> str:
        """The client's `X-Request-Id` when it is well formed, else a new one."""
        if not self._request_id:
            given = self.headers.get(b"x-request-id", b"")
            self._request_id = given.decode("latin-1") if _REQUEST_ID.fullmatch(given) else new_id(128)
        return self._request_id

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

    def header(self, name: bytes) -> str:
        """The value of a header as text; empty when it was not sent."""
        return self.headers.get(name, b"").decode("latin-1")
