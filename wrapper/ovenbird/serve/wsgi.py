"""WSGI applications (PEP 3333): each call runs on a thread of the pool, as a `def` handler does.

The event loop hands the thread parts of a body that arrives late, and sends the parts of an answer. A body without
`Content-Length` is read before the application starts, because most frameworks treat it as empty.
"""

from __future__ import annotations

import asyncio
import io
import os
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

from ..common.text import show_value
from .call import CallCancelled, HttpCall, Receive, Scope, Send, ServerTransport
from .concurrency.threaded_call import ThreadedCall, ThreadRunner
from .request import body_reader
from .request.binder import Keywords
from .request.body_memory import BodyMemory
from .response.model import Headers, HttpResponse
from .response.serialize import _format_header, asgi_response
from .response.streams import GeneratorThread

_BODILESS = (204, 304)  # statuses whose answers have no body
_UNPREFIXED = ("CONTENT_TYPE", "CONTENT_LENGTH")  # variables without the prefix `HTTP_`
_BUFFER_SIZE = 64 * 1024  # bytes


async def read_body(call: HttpCall, wire: ServerTransport, limit: int, seconds: float, memory: BodyMemory) -> Keywords:
    """Return the keyword `body`: a file with the body, or a reader that receives it. Errors: HttpProblem 408, 413."""
    content = wire.body(call)
    if content is None:
        body = body_reader.BodyReader(call, limit, seconds)
        if b"content-length" in call.headers:
            return {"body": body}
        content = await body_reader.BodyReader(call, limit, seconds, memory).read()
    elif len(content) > limit:
        raise body_reader.body_too_large_error(limit)
    return {"body": io.BytesIO(content)}


class WsgiCall(ThreadedCall):
    """Calls the application, and hands its answer to the loop: at once if it is complete, else part by part."""

    __slots__ = ("_has_answered", "_has_ended", "_headers", "_is_cancelled", "_length", "_status")

    def __init__(self, runner: ThreadRunner, call: HttpCall, arguments: Keywords) -> None:
        super().__init__(runner, call, arguments)
        self._status = 0  # 0 until the application calls `start_response`
        self._headers: Headers = []
        self._length = -1  # the Content-Length that the application announces; -1 if there is none
        self._has_answered = False  # whether the answer, or its first part, was handed to the loop
        self._has_ended = False  # whether all of the answer was handed over
        self._is_cancelled = False  # whether the call was cancelled, so that the answer is dropped

    def call_handler(self) -> None:
        """Call the application. Hand its answer over before calling its `close`, which may take a while."""
        file = self.arguments["body"]
        if isinstance(file, body_reader.BodyReader):
            file = io.BufferedReader(_Incoming(self, file), _BUFFER_SIZE)
        parts = self.runner.handler.call(environ_of(self.call, file), self._start_response)
        try:
            if type(parts) in (list, tuple):  # the answer is complete
                self._send_part(b"".join(parts), last=True)
            else:
                for part in parts:
                    if part:
                        self._send_part(part)
                        if self._has_no_body:
                            break
                self._send_part(b"", last=True)
            self._has_ended = True
            if self.stream is not None:
                self.runner.loop.call_soon_threadsafe(self.stream.finish, None)
        finally:
            close = getattr(parts, "close", None)
            if close is not None:
                close()

    def finish(self, outcome: Any, error: BaseException | None) -> None:
        if error is not None and self.call.refusal is not None and not self._has_answered:
            error = self.call.refusal  # the application may have turned it into another error
        if error is not None and self.call.reason is None and (
            self._has_ended or (self._has_answered and self.stream is None)
        ):  # fmt: skip
            self.runner.faults.record(self.call, error)  # the client has its answer already: the error is only logged
        super().finish(outcome, error)

    def cancel(self) -> None:
        self._is_cancelled = True
        super().cancel()

    def receive(self, body: body_reader.BodyReader) -> bytes:
        """Return the next part of the body, `b""` at its end. Called in the thread.

        Errors: HttpProblem 408, 413; CallCancelled.
        """
        if body.is_complete:
            return b""
        if self._is_cancelled:
            raise CallCancelled
        self.awaited = asyncio.run_coroutine_threadsafe(body.receive(), self.runner.loop)
        if self._is_cancelled:  # it was cancelled just before `awaited` was set
            self.awaited.cancel()
        try:
            return self.awaited.result()["body"]  # type: ignore[no-any-return]
        except BaseException:
            if self._is_cancelled:
                raise CallCancelled from None
            raise
        finally:
            self.awaited = None

    def _start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[..., None]:
        if exc_info:
            try:
                if self._has_answered:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # it refers to this frame
        elif self._status:
            raise AssertionError("start_response was called a second time without exc_info")
        pairs = [pair for name, value in headers for pair in _format_header(name, value)]
        code = status[:3]
        if not code.isascii() or not code.isdigit() or not 200 <= int(code) <= 599:
            raise ValueError(f"the application gave {show_value(status)}, which is not an HTTP status such as '200 OK'")
        self._status = int(code)
        self._headers = [pair for pair in pairs if pair[0] != b"transfer-encoding"]
        length = next((value for name, value in pairs if name == b"content-length"), b"")
        if length and not (length.isdigit() and len(length) < 20):
            raise ValueError(f"the application gave the Content-Length {show_value(length)}")
        self._length = int(length) if length else -1
        return self._write

    @property
    def _has_no_body(self) -> bool:
        """Return whether the answer must not have a body."""
        return self._status in _BODILESS or self.call.scope["method"] == "HEAD"

    def _write(self, part: bytes) -> None:
        """Send a part of the answer: the `write` callable that `start_response` returns."""
        if part:
            self._send_part(part)

    def _send_part(self, part: bytes, *, last: bool = False) -> None:
        """Hand a part of the answer to the loop. A complete answer is sent together with its head."""
        if not isinstance(part, bytes):
            raise TypeError(f"a WSGI application answers in bytes, and gave a {type(part).__qualname__}")
        if self._has_answered:
            if self.stream is not None:
                self.stream.push(part)
            elif part and not self._has_no_body:
                raise ValueError(f"the answer is longer than its Content-Length of {self._length} bytes")
            return
        if not self._status:
            raise RuntimeError("the application has not called start_response")
        bare = self._has_no_body
        if last and not bare and self._length not in (-1, len(part)):
            raise ValueError(f"the answer has {len(part)} bytes, and a Content-Length of {self._length}")
        self._has_answered = True
        if last or bare or len(part) == self._length:
            reply = HttpResponse(self._status, self._headers, b"" if bare else part)
            if self._length < 0 and not bare:
                reply.headers.append((b"content-length", b"%d" % len(part)))
            self.call.is_answered = True
        else:
            self.stream = GeneratorThread(self.runner.loop)
            self.stream.push(part)
            reply = asgi_response(_Parts(self._status, self._headers, self.stream), self._status)
        self.hand_over(reply)


class _Parts:
    """An ASGI callable that sends the parts of an answer as they are produced."""

    def __init__(self, status: int, headers: Headers, stream: GeneratorThread) -> None:
        self._start = {"type": "http.response.start", "status": status, "headers": headers}
        self._stream = stream

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        try:
            await send(self._start)
            async for part in self._stream:
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._stream.cancel()


class _Incoming(io.RawIOBase):
    """A raw file that receives a body. `BufferedReader` adds the methods for lines."""

    def __init__(self, job: WsgiCall, body: body_reader.BodyReader) -> None:
        self._job = job
        self._body = body
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            self._rest = memoryview(self._job.receive(self._body))
            if not self._rest and self._body.is_complete:
                return 0
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def environ_of(call: HttpCall, body: Any) -> dict[str, Any]:
    """Return the WSGI environ of a call.

    Headers with an underscore in their names are left out, as other servers do: `X_User` could be mistaken for
    `X-User`, which a proxy sets.
    """
    scope = call.scope
    host, port = scope.get("server") or ("localhost", 80)
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": os.environ.get("SCRIPT_NAME", ""),
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or 0),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": body,
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stdout,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if scope.get("client"):
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = scope["client"][0], str(scope["client"][1])
    for name, value in call.headers.items():
        if b"_" not in name:
            key = name.decode("latin-1").upper().replace("-", "_")
            environ[key if key in _UNPREFIXED else f"HTTP_{key}"] = value.decode("latin-1")
    if "CONTENT_LENGTH" not in environ and isinstance(body, io.BytesIO) and (size := len(body.getbuffer())):
        environ["CONTENT_LENGTH"] = str(size)
        environ.pop("HTTP_TRANSFER_ENCODING", None)
    return environ
