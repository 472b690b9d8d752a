"""uvicorn's side of a call: its HTTP protocol with limits on headers, and what it knows beyond ASGI."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from .call import Call, Wire


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol, with a limit on the size of the headers and on the time that they take to come."""

    max_header = 64 * 1024
    _head = 0  # bytes of headers that have come and are not complete
    _tail = b""  # the last ones of them, as the end of the headers may be cut in two
    _since = 0.0  # when the headers that are waited for began; 0 while a request is answered

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._since = self.loop.time()

    def data_received(self, data: bytes) -> None:
        """Feed the parser; refuse headers that are too large, whether they come at once or bit by bit."""
        cycle = self.cycle
        if cycle is None or not cycle.more_body:
            size = self._head + len(data)
            if size > self.max_header and b"\r\n\r\n" not in self._tail + data[: self.max_header - self._head]:
                self._refuse()
                return
            super().data_received(data)
            if self.cycle is cycle and not self.transport.is_closing():  # no request is complete yet
                self._since = self._since or self.loop.time()
                self._head, self._tail = size, data[-3:]
            else:
                self._head, self._tail, self._since = 0, b"", 0.0
        else:
            super().data_received(data)

    def on_headers_complete(self) -> None:
        """Begin the cycle of a request; one whose client asks for it is the connection's last."""
        super().on_headers_complete()
        cycle = self.cycle
        if cycle and cycle.keep_alive and not self.parser.should_keep_alive():  # uvicorn before 0.51 overlooks it
            cycle.keep_alive = False
            cycle.default_headers = [*cycle.default_headers, (b"connection", b"close")]

    def late(self, before: float) -> bool:
        """Whether the headers that are waited for began before that time."""
        return 0.0 < self._since < before

    def _refuse(self) -> None:
        body = b'{"type":"about:blank","title":"Request Header Fields Too Large","status":431}'
        self.transport.write(
            b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/problem+json\r\n"
            b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (len(body), body)
        )
        self.transport.close()


class Connection(Wire):
    """What uvicorn knows of a call: its cycle is the object that the method `receive` is bound to."""

    _defaults: list[tuple[bytes, bytes]] | None = None
    _head = b""

    def left(self, call: Call) -> bool:
        """uvicorn closes the transport as soon as it learns that the client has gone."""
        return call.receive.__self__.transport.is_closing()  # type: ignore[attr-defined,no-any-return]

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
            if name == b"connection":
                return False
            parts += (name, b": ", value, b"\r\n")
        parts += (b"\r\n", body)
        cycle.transport.write(b"".join(parts))
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        cycle.on_response()
        return True
