"""WSGI applications (PEP 3333): each call runs on a thread of the pool, as a `def` handler does.

What a thread needs of the event loop are the parts of a body that have still to come, and a place for the parts of an
answer that is not whole. A body without `Content-Length` is read before the application starts: most frameworks take
one without a length for empty.
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
from .response.serialize import _header, by_app
from .response.streams import GeneratorThread

_BARE = (204, 304)  # statuses whose answers have no body
_CONTENT = ("CONTENT_TYPE", "CONTENT_LENGTH")  # which have no prefix
_PART = 64 * 1024  # bytes that are read at once


async def read_body(call: HttpCall, wire: ServerTransport, limit: int, seconds: float, memory: BodyMemory) -> Keywords:
    """The body as the keyword `body`: a file that holds it, or one that receives it. Errors: HttpProblem 408, 413."""
    content = wire.body(call)
    if content is None:
        body = body_reader.BodyReader(call, limit, seconds)
        if b"content-length" in call.headers:
            return {"body": body}
        content = await body_reader.BodyReader(call, limit, seconds, memory).read()
    elif len(content) > limit:
        raise body_reader.too_large(limit)
    return {"body": io.BytesIO(content)}


class WsgiCall(ThreadedCall):
    """Calls the application, and hands its answer to the loop: in one go where it is whole, else part by part."""

    __slots__ = ("_cut", "_ended", "_headers", "_length", "_sent", "_status")

    def __init__(self, runner: ThreadRunner, call: HttpCall, arguments: Keywords) -> None:
        super().__init__(runner, call, arguments)
        self._status = 0  # 0 until the application calls `start_response`
        self._headers: Headers = []
        self._length = -1  # what the application announces; -1 for nothing
        self._sent = False  # whether the answer, or its first part, was handed to the loop
        self._ended = False  # whether all of the answer was handed over
        self._cut = False  # whether nobody takes the answer any more

    def call_handler(self) -> None:
        """Call the application; its answer is handed over before its `close`, which may take a while."""
        file = self.arguments["body"]
        if isinstance(file, body_reader.BodyReader):
            file = io.BufferedReader(_Incoming(self, file), _PART)
        parts = self.runner.handler.call(environ_of(self.call, file), self._start_response)
        try:
            if type(parts) in (list, tuple):  # all of it is there
                self._answer(b"".join(parts), last=True)
            else:
                for part in parts:
                    if part:
                        self._answer(part)
                        if self._bare:
                            break
                self._answer(b"", last=True)
            self._ended = True
            if self.stream is not None:
                self.runner.loop.call_soon_threadsafe(self.stream.finish, None)
        finally:
            close = getattr(parts, "close", None)
            if close is not None:
                close()

    def finish(self, outcome: Any, error: BaseException | None) -> None:
        if error is not None and self.call.refusal is not None and not self._sent:
            error = self.call.refusal  # whatever the application made of it
        if error is not None and (self._ended or (self._sent and self.stream is None)) and self.call.reason is None:
            self.runner.faults.record(self.call, error)  # the client has its answer
        super().finish(outcome, error)

    def cancel(self) -> None:
        self._cut = True
        super().cancel()

    def receive(self, body: body_reader.BodyReader) -> bytes:
        """The next part of the body; empty at its end. For the thread. Errors: HttpProblem 408, 413; CallCancelled."""
        if body.whole:
            return b""
        if self._cut:
            raise CallCancelled
        self.awaited = asyncio.run_coroutine_threadsafe(body.receive(), self.runner.loop)
        if self._cut:  # just now, before there was something to cancel
            self.awaited.cancel()
        try:
            return self.awaited.result()["body"]  # type: ignore[no-any-return]
        except BaseException:
            if self._cut:
                raise CallCancelled from None
            raise
        finally:
            self.awaited = None

    def _start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[..., None]:
        if exc_info:
            try:
                if self._sent:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # which holds this frame
        elif self._status:
            raise AssertionError("start_response was called a second time without exc_info")
        pairs = [pair for name, value in headers for pair in _header(name, value)]
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
    def _bare(self) -> bool:
        """Whether the answer has no body, whatever the application says."""
        return self._status in _BARE or self.call.scope["method"] == "HEAD"

    def _write(self, part: bytes) -> None:
        """What `start_response` returns, for applications that write their answer."""
        if part:
            self._answer(part)

    def _answer(self, part: bytes, *, last: bool = False) -> None:
        """Hand a part to the loop. One that is the whole answer is sent with the head, and ends it."""
        if not isinstance(part, bytes):
            raise TypeError(f"a WSGI application answers in bytes, and gave a {type(part).__qualname__}")
        if self._sent:
            if self.stream is not None:
                self.stream.push(part)
            elif part and not self._bare:
                raise ValueError(f"the answer is longer than its Content-Length of {self._length} bytes")
            return
        if not self._status:
            raise RuntimeError("the application has not called start_response")
        bare = self._bare
        if last and not bare and self._length not in (-1, len(part)):
            raise ValueError(f"the answer has {len(part)} bytes, and a Content-Length of {self._length}")
        self._sent = True
        if last or bare or len(part) == self._length:
            reply = HttpResponse(self._status, self._headers, b"" if bare else part)
            if self._length < 0 and not bare:
                reply.headers.append((b"content-length", b"%d" % len(part)))
            self.call.answered = True
        else:
            self.stream = GeneratorThread(self.runner.loop)
            self.stream.push(part)
            reply = by_app(_Parts(self._status, self._headers, self.stream), self._status)
        self.hand_over(reply)


class _Parts:
    """An ASGI callable that sends the parts of an answer as they come."""

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
    """A body that is still coming, as a file. `BufferedReader` makes lines of it."""

    def __init__(self, job: WsgiCall, body: body_reader.BodyReader) -> None:
        self._job = job
        self._body = body
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            self._rest = memoryview(self._job.receive(self._body))
            if not self._rest and self._body.whole:
                return 0
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def environ_of(call: HttpCall, body: Any) -> dict[str, Any]:
    """The environ of a call.

    Names with an underscore are left out, as other servers do: `X_User` would pass for `X-User`, which a proxy sets.
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
            environ[key if key in _CONTENT else f"HTTP_{key}"] = value.decode("latin-1")
    if "CONTENT_LENGTH" not in environ and isinstance(body, io.BytesIO) and (size := len(body.getbuffer())):
        environ["CONTENT_LENGTH"] = str(size)
        environ.pop("HTTP_TRANSFER_ENCODING", None)
    return environ
