"""What the server knows of a call beyond ASGI, and how it is told a whole answer at once."""

from __future__ import annotations

from time import monotonic
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from .admission import TICK
from .call import Call, Wire

_SPECIAL = (b"connection", b"date")  # headers that have a say in others


class Connection(Wire):
    """What uvicorn knows of a call: its cycle is the object that the method `receive` is bound to."""

    _defaults: list[tuple[bytes, bytes]] | None = None
    _head = b""

    def left(self, call: Call) -> bool:
        """The transport is closed as soon as the client is known to have gone. One that sends no more may have gone: it
        does not keep its place in the queue."""
        cycle: Any = call.receive.__self__  # type: ignore[attr-defined]
        if cycle.transport.is_closing() or cycle.disconnected:
            return True
        ended = cycle.flow.ended
        return bool(ended and call.waits and monotonic() - ended > TICK)

    def body(self, call: Call) -> bytes | None:
        """Most bodies come with their headers: no event to wait for, no message to unpack."""
        cycle = call.receive.__self__  # type: ignore[attr-defined]
        if cycle.more_body or cycle.waiting_for_100_continue:
            return None
        body = bytes(cycle.body)
        cycle.body = bytearray()
        return body

    def respond(self, call: Call, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> bool:
        """Write head and body at once: half the calls and system calls of two ASGI messages.

        All headers come from our own code or have been checked by it. What is unusual goes the usual way.
        """
        cycle = call.receive.__self__  # type: ignore[attr-defined]
        if (
            cycle.response_started or cycle.disconnected or not cycle.keep_alive or cycle.flow.write_paused
            or cycle.waiting_for_100_continue or call.scope["method"] == "HEAD"
        ):  # fmt: skip
            return False
        if cycle.default_headers is not self._defaults:  # uvicorn makes a new list when the date changes
            self._defaults = cycle.default_headers
            self._head = b"".join(b"%s: %s\r\n" % pair for pair in self._defaults)
        parts = [STATUS_LINE[status], self._head]
        for name, value in headers:
            if name in _SPECIAL:  # it changes other headers
                return False
            parts += (name, b": ", value, b"\r\n")
        parts += (b"\r\n", body)
        cycle.transport.write(b"".join(parts))
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        cycle.on_response()
        return True
