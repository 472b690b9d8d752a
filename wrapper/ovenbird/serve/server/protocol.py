"""The protocol of a connection: run its calls in order, refuse invalid requests, close it."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Callable
from contextvars import copy_context
from time import monotonic
from typing import Any

from ..problem_details import problem_response
from ..response.pending_output import PendingOutput
from .framing import RequestError
from .request_reader import BODY, RequestReader
from .response_cycle import ResponseFlow
from .uvicorn_adapter import STATUS_LINE

_log = logging.getLogger("ovenbird")
_LINGER = 1.0  # seconds for which a refused client may go on sending, so that it gets the answer and not a reset
_HALF_OPEN = 1.0  # seconds between checks of a client that sends no more: it may have left, or wait for the answer
_OTHER_VERSION = ("Invalid HTTP version", "Pause on PRI/Upgrade")  # messages of the parser for other versions of HTTP
_CLOSE_WAIT = 8  # the TCP state of a connection whose peer sends no more


class LimitedHttpProtocol(RequestReader):
    """One connection, with limits on the time for incomplete requests and idle periods."""

    count: Callable[[int], None] = staticmethod(lambda _: None)  # called with the status of each refused request
    output: PendingOutput | None = None  # watches connections with pending output
    _last: bytes = b""  # the refusal to send after the answers to earlier calls
    _half_open: asyncio.TimerHandle | None = None
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Set up a new connection."""
        super().connection_made(transport)
        self.flow = ResponseFlow(transport, self.pipeline)
        self._since = self.loop.time()
        self._context = copy_context()  # the context of no call: values that a call sets must not outlive it

    def on_response_complete(self) -> None:
        """Start the next request, close the connection, or wait."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self.flow.read_paused:
            self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._context.run(self._start, cycle, app)  # not in the context of the answered call
            if self._rest and not self.pipeline:
                self._feed_slices(b"")
        elif self._last:
            self._end(self._last)
        elif self.flow.ended:
            self.transport.close()
        else:
            if self._phase == BODY:  # the rest of the body has a limit in time too
                self._since = self.loop.time()
            self._wait()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Keep the connection of a client that sends no more while it may still wait for its answer.

        A client that leaves looks the same until something is sent to it: see `_end_half_open`.
        """
        cycle = self.cycle
        reading = self._phase == BODY and not self._is_over  # the body will never be complete
        if cycle is None or cycle.response_complete or cycle.disconnected or reading:
            return False
        self.flow.ended = monotonic()
        self._half_open = self.loop.call_later(_HALF_OPEN, self._end_half_open)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Clean up after the connection."""
        for timer in (self._half_open, self._timer):
            if timer is not None:
                timer.cancel()
        self._is_over, self._rest, self._last = True, b"", b""
        if self.output is not None:
            self.output.remove(self)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Watch the client: it is slower than its answer."""
        super().pause_writing()
        if self.output is not None:
            self.output.add(self)

    def resume_writing(self) -> None:
        """Stop watching the client: it has caught up."""
        super().resume_writing()
        if self.output is not None:
            self.output.remove(self)

    def is_late(self, before: float) -> bool:
        """Return whether the request that is awaited has begun before a time of the loop's clock."""
        return 0.0 < self._since < before and (self.cycle is None or self.cycle.response_complete)

    def _start(self, cycle: Any, app: Any) -> None:
        task = self.loop.create_task(cycle.run_asgi(app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def _wait(self) -> None:
        """Wait for another request. The timer is not restarted for each: it checks the time of the last answer."""
        self._idle = self.loop.time()
        if self._timer is None:
            self._timer = self.loop.call_later(self.timeout_keep_alive, self._end_idle, context=self._context)

    def _end_idle(self) -> None:
        self._timer = None
        if not self.cycle.response_complete:  # the timer is started again after the answer
            return
        rest = self._idle + self.timeout_keep_alive - self.loop.time()
        if rest > 0:
            self._timer = self.loop.call_later(rest, self._end_idle)
        else:
            self.transport.close()

    def _refuse(self, error: Exception) -> None:
        """Answer a request that cannot be read, after the calls before it, and end the connection."""
        cause = error if isinstance(error, RequestError) else error.__context__
        if not isinstance(cause, RequestError):
            unspoken = str(error) in _OTHER_VERSION
            cause = RequestError(505 if unspoken else 400, f"the request is not HTTP/1.1: {error}")
        self._is_over, self._rest = True, b""
        answer = self._format_refusal(cause)
        cycle = self.cycle
        waiting = cycle is not None and not cycle.response_complete
        if self._phase != BODY:
            if waiting:
                self._last = answer
            else:
                self._end(answer)
        elif self.pipeline and waiting:  # the newest request in the queue is the malformed one
            self.pipeline.popleft()
            self._last = answer
        elif waiting and not cycle.response_started:
            cycle.disconnected = True  # its handler is stopped as if the client had left
            cycle.message_event.set()
            self._end(answer)
        else:
            self.transport.close()

    def _format_refusal(self, error: RequestError) -> bytes:
        _log.warning("a request was refused: %d: %s", error.status, error.detail)
        type(self).count(error.status)
        reply = problem_response(error.status, error.detail)
        headers = [*self.server_state.default_headers, *reply.headers, (b"connection", b"close")]
        lines = b"".join(b"%s: %s\r\n" % pair for pair in headers)
        return b"%s%s\r\n%s" % (STATUS_LINE[error.status], lines, reply.body)

    def _end(self, answer: bytes) -> None:
        """Send the last answer of the connection, and discard input for a moment.

        Closing a socket with unread input sends a reset, which may overtake the answer.
        """
        self._last = b""
        self.transport.write(answer)
        if self.flow.ended:
            self.transport.close()
            return
        self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(_LINGER, self.transport.close)

    def _end_half_open(self) -> None:
        """Close the connection of a client that sends no more, unless output was sent to it just now.

        A client that has left answers output with a reset.
        """
        if self.transport.get_write_buffer_size() or _has_sent_lately(self.transport):
            self._half_open = self.loop.call_later(_HALF_OPEN, self._end_half_open)
        else:
            self.transport.close()


def _has_sent_lately(transport: Any) -> bool:
    """Return whether output was sent within the last `_HALF_OPEN` seconds, and the connection was not reset."""
    try:
        info = transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 48)
        state, (milliseconds,) = info[0], struct.unpack_from("=I", info, 44)  # tcpi_state, tcpi_last_data_sent
    except (AttributeError, OSError, struct.error):
        return False
    return bool(state == _CLOSE_WAIT and milliseconds < _HALF_OPEN * 1000)
