"""Streams: send the items of generators as they are produced, in constant memory."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import re
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator
from types import GeneratorType
from typing import Any

from ..call import CallCancelled, HttpCall, Message, Receive, StopReason
from ..concurrency.threads import raise_in
from .json_encode import encode
from .model import HttpResponse

_CLOSE = (b"connection", b"close")
_LINE_END = re.compile("\r\n|\n|\r")
_MAX_AHEAD = 256 * 1024  # bytes that a thread may produce ahead of the client


async def stream(
    call: HttpCall,
    reply: HttpResponse,
    loop: asyncio.AbstractEventLoop,
    *,
    is_disconnected: Callable[[HttpCall], bool],
    closing: bool,
) -> None:
    """Send the items of a reply as they are produced.

    The head is sent with the first item, so that a failure before it is answered 500. After a later failure the answer
    is incomplete, and the connection is closed.
    """
    items: Any = reply.stream
    if isinstance(items, GeneratorType):  # from an async handler: it runs in a thread, as it may block
        items = _pump_in_thread(items, loop)
    headers = [*reply.headers, _CLOSE] if closing else list(reply.headers)
    kind = next((value for key, value in headers if key == b"content-type"), b"")
    typed = not reply.events and kind.lower().startswith(b"text/event-stream")
    try:
        async for item in items:
            body = encode_chunk(
                item, reply.events or (typed and not isinstance(item, (str, bytes, bytearray, memoryview)))
            )
            if not call.status:
                if not kind:
                    headers.append((b"content-type", stream_media_type(item)))
                await _send_start(call, reply.status, headers)
                if call.scope["method"] == "HEAD":
                    break
            await call.send({"type": "http.response.body", "body": body, "more_body": True})
            # sending to a closed connection never waits, so no timer would run
            if call.reason is None and is_disconnected(call):
                call.reason = StopReason.GONE
            if call.reason is not None:
                raise CallCancelled
        if not call.status:
            await _send_start(call, reply.status, headers)
        await call.send({"type": "http.response.body", "body": b""})
    finally:
        if isinstance(items, GeneratorThread):
            items.cancel()
        else:
            await items.aclose()


async def drain_generator(reply: HttpResponse, loop: asyncio.AbstractEventLoop) -> None:
    """Run the generator for one event of a batch to its end, and discard its items."""
    items: Any = reply.stream
    async for _ in _pump_in_thread(items, loop) if isinstance(items, GeneratorType) else items:
        pass


async def run_asgi_response(call: HttpCall, reply: HttpResponse, receive: Receive, *, closing: bool) -> None:
    """Run an ASGI callable, which sends the answer. Record the status in the call."""

    async def send(message: Message) -> None:
        if call.reason is not None:  # it was stopped, and gets another answer
            return
        if message["type"] == "http.response.start":
            if call.refusal is not None and not call.status:
                raise call.refusal
            call.status = message["status"]
            if closing:
                message["headers"] = [*message.get("headers", ()), _CLOSE]
        await call.send(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            call.is_answered = True  # the rest is a background task, which does not end with the connection

    assert reply.app is not None
    await reply.app(call.scope, receive, send)


def _do_nothing() -> None:
    """Do nothing: the generator has ended."""


async def _send_start(call: HttpCall, status: int, headers: list[tuple[bytes, bytes]]) -> None:
    call.status = status
    await call.send({"type": "http.response.start", "status": status, "headers": headers})


def _pump_in_thread(items: Generator[Any, None, None], loop: asyncio.AbstractEventLoop) -> GeneratorThread:
    stream = GeneratorThread(loop)

    def pump() -> None:
        error: BaseException | None = None
        try:
            try:
                stream.pump(items)
            except BaseException as raised:
                error = raised
            stream.cancel_generator = _do_nothing
        except CallCancelled as late:  # it arrived after the generator had ended
            error = late
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(stream.finish, error)
        error = None  # its traceback holds this frame, which would hold it

    run = contextvars.copy_context().run
    thread = threading.Thread(target=run, args=(pump,), name="ovenbird-stream", daemon=True)
    stream.cancel_generator = lambda: raise_in(thread.ident or 0, CallCancelled)
    thread.start()
    return stream


def encode_chunk(item: Any, events: bool) -> bytes:
    """Return an item of a stream as bytes: text and bytes as they are, else a line of JSON; or a server-sent event."""
    if events:
        return _format_event(item)
    if isinstance(item, str):
        return item.encode()
    if isinstance(item, (bytes, bytearray, memoryview)):
        return bytes(item)
    return encode(item) + b"\n"


def stream_media_type(item: Any) -> bytes:
    """Return the media type of a stream by its first item."""
    if isinstance(item, str):
        return b"text/plain; charset=utf-8"
    return b"application/octet-stream" if isinstance(item, (bytes, bytearray, memoryview)) else b"application/x-ndjson"


def _format_event(item: Any) -> bytes:
    """Return a server-sent event, with one `data:` for each line of its text.

    Lines end with CR LF, LF or CR only (HTML 9.2.6). Text with a line end at its end has an empty last line, so that
    the client gets that line end too.
    """
    if isinstance(item, (bytes, bytearray, memoryview)):
        item = bytes(item).decode("utf-8", "replace")
    text = item if isinstance(item, str) else encode(item).decode()
    return "".join(f"data: {line}\n" for line in _LINE_END.split(text)).encode() + b"\n"


class GeneratorThread:
    """Carries items of a generator from its thread to the loop. The thread waits if it is too far ahead."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.cancel_generator: Callable[[], None] = _do_nothing  # interrupts the generator
        self._loop = loop
        self._items: deque[tuple[Any, int]] = deque()
        self._room = threading.Condition()
        self._ahead = 0
        self._has_ended = False
        self._is_closed = False
        self._error: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None

    def pump(self, items: Generator[Any, None, None]) -> None:
        """Push all items of the generator. The caller has to call `finish` then. Called in the thread."""
        try:
            for item in items:
                self.push(item)
        finally:
            items.close()

    def finish(self, error: BaseException | None) -> None:
        """End the stream, with an error or without. Called on the loop."""
        if not self._has_ended:
            self._has_ended, self._error = True, error
            self._wake()

    def cancel(self) -> None:
        """Cancel the stream: the thread stops at its next item. Called on the loop."""
        with self._room:
            self._is_closed = True
            self._room.notify()
        self._error = None  # its traceback may hold the stream
        if not self._has_ended:
            self.cancel_generator()
            self.finish(CallCancelled())

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        while not self._items:
            if self._has_ended:
                error, self._error = self._error, None
                try:
                    raise error or StopAsyncIteration
                finally:
                    del error  # its traceback holds this frame, which would hold it
            self._waiter = self._loop.create_future()
            if not self._items and not self._has_ended:  # the thread may have signalled before there was a waiter
                await self._waiter
        item, size = self._items.popleft()
        with self._room:
            self._ahead -= size
            self._room.notify()
        return item

    def push(self, item: Any) -> None:
        """Add an item; wait while the client is too far behind. Called in the thread.

        Errors: CallCancelled after `cancel`.
        """
        size = len(item) if isinstance(item, (str, bytes, bytearray)) else 1024
        with self._room:
            while self._ahead > _MAX_AHEAD and not self._is_closed:
                self._room.wait()
            if self._is_closed:
                raise CallCancelled
            self._ahead += size
        self._items.append((item, size))
        self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
