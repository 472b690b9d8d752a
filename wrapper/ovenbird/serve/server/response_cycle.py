"""The answering side of a connection: uvicorn's, with rules of HTTP that uvicorn leaves to applications."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable
from typing import Any

from ..call import Message
from .uvicorn_adapter import FlowControl, RequestResponseCycle

_BODILESS = (204, 205, 304)
_CLOSE = (b"connection", b"close")


class ResponseFlow(FlowControl):
    """Flow control. While requests wait for the answer to an earlier one, no more are read."""

    def __init__(self, transport: Any, pipeline: deque[Any]) -> None:
        super().__init__(transport)
        self._pipeline = pipeline
        self.ended = 0.0  # when the client shut down its writing side, on the clock of `monotonic`; 0 while it has not

    def resume_reading(self) -> None:
        """Resume reading, unless requests wait."""
        if self.read_paused and not self._pipeline:
            super().resume_reading()


class ResponseCycle(RequestResponseCycle):
    """One request and its answer."""

    bodiless = False  # whether the status has no content
    unframed = False  # whether the end of the connection ends the body, as HTTP/1.0 has no chunks

    def send(self, message: Message) -> Awaitable[None]:  # type: ignore[override]
        """Send an ASGI message."""
        if not self.response_started:
            if message["type"] == "http.response.start":
                message = self._make_head(message)
        elif self.bodiless:
            message = {**message, "body": b""}
            self.expected_content_length = 0
        elif self.unframed:
            self.expected_content_length = len(message.get("body", b""))
        return super().send(message)  # type: ignore[arg-type]

    def _make_head(self, message: Message) -> Message:
        """Return the first message of an answer with headers that fit each other and the connection."""
        status = message["status"]
        self.bodiless = status in _BODILESS
        lengths: set[bytes] = set()
        headers: list[tuple[bytes, bytes]] = []
        close = False
        for key, value in message.get("headers", ()):
            name = key.lower()
            if name == b"content-length":
                lengths.add(value)
                continue
            if name == b"transfer-encoding":  # the connection decides how the body is framed
                continue
            if name == b"date":  # the application's date replaces the server's
                self.default_headers = [pair for pair in self.default_headers if pair[0] != b"date"]
            elif name == b"connection":
                close = close or b"close" in (token.strip() for token in value.lower().split(b","))
                if b"keep-alive" in value.lower() or close:  # added below
                    continue
            headers.append((name, value))
        if len(lengths) > 1:
            raise RuntimeError("the answer has several Content-Length headers that differ")
        if status == 205:  # RFC 9110 15.3.6
            lengths = {b"0"}
        if lengths and status != 204:
            headers.append((b"content-length", lengths.pop()))
        elif self.scope["http_version"] == "1.0" and not self.bodiless and self.scope["method"] != "HEAD":
            self.unframed, self.chunked_encoding = True, False
        # a client that waits for 100 may send its body now, or not: what follows could not be told apart
        if close or not self.keep_alive or self.waiting_for_100_continue:
            self.keep_alive = False
            self.default_headers = [pair for pair in self.default_headers if pair[0] != b"connection"]
            headers.append(_CLOSE)
        return {**message, "headers": headers}
