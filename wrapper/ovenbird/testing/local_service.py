"""A service in this process, on an event loop in a thread of its own: a test may have a loop that runs."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import io
import queue
import threading
from collections.abc import Coroutine, Iterator, Mapping
from typing import Any

import msgspec

from ..client.answer import Answer
from ..client.body import Upload
from ..client.decoding import make_item_decoder
from ..client.request import Content, check_headers
from ..errors import InitError
from ..function.context import Context
from ..function.handler import Handler
from ..logging_config import LogHandler
from ..serve.call import Message
from ..serve.in_process import CapturedResponse, InProcessRequest, InProcessService
from ..settings import Settings
from .isolation import IsolatedStore, patched_environ

_END: Any = object()
_AHEAD = 16  # chunks that a stream may be ahead of the test
_LOOK = 0.002  # seconds between two looks whether the test has read some


class LocalAnswer(Answer):
    """The answer of a function: `status`, `headers`, `body`, `text`, `json()`, and `value` by its media type.

    `error` is what the function raised, None if it did not.
    """

    def __init__(self, response: CapturedResponse) -> None:
        super().__init__(response.status, response.headers, bytes(response.body))
        self.error = response.error


class _Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ovenbird-testing", daemon=True)
        self._thread.start()

    def submit(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Start a coroutine, and return its `concurrent.futures.Future`."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine to its end, and return its result."""
        future = self.submit(work)
        try:
            return future.result()
        finally:
            future.cancel()  # a test that is interrupted while it waits

    def close(self) -> None:
        """Cancel what still runs, and end the loop."""
        self.run(_cancel_others())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _cancel_others() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=10) if tasks else None
    await asyncio.get_running_loop().shutdown_asyncgens()


class LocalService:
    """A function as a service, without a port: `with testing.service(handler) as service: service.call(json=…)`.

    Init runs once when the block begins, close at its end. `raise_errors`: `call` raises what the function raises.
    """

    def __init__(
        self,
        handler: Handler,
        settings: Settings,
        *,
        project: Any = None,
        secrets: Mapping[str, str] | None = None,
        environ: Mapping[str, str] | None = None,
        raise_errors: bool = True,
    ) -> None:
        self.handler, self.raise_errors = handler, raise_errors
        self._project, self._secrets, self._environ = project, secrets, environ or {}
        self._stack = contextlib.ExitStack()
        root = str(handler.loaded.target.root)
        self.context = Context(handler.name, root=root, open_project=self._open_project)
        self._service = InProcessService(handler, settings, self.context, LogHandler("json", io.StringIO()))
        self._loop: _Loop | None = None

    def __repr__(self) -> str:
        return f"<LocalService {self.handler.name}>"

    def __enter__(self) -> LocalService:
        self._open()
        try:
            self._running().run(self._service.start())
        except BaseException as error:
            self._stack.close()
            raise _explain(error) from None
        self._stack.callback(self._stop)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    async def __aenter__(self) -> LocalService:
        self._open()
        try:
            await asyncio.wrap_future(self._running().submit(self._service.start()))
        except BaseException as error:
            self._stack.close()
            raise _explain(error) from None
        self._stack.callback(self._stop)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self._stack.close)

    def call(
        self, json: Any = msgspec.UNSET, *, method: str = "", path: str = "", headers: Mapping[str, str] | None = None,
        **content: Any,
    ) -> LocalAnswer:  # fmt: skip
        """Call the function and return its answer.

        The call has `json`, `body`, `data` (a form) or `files`, and `params` for the query; GET with nothing but a
        query, else POST.
        """
        request = _make_request(json, method, path, headers or {}, content)
        response = CapturedResponse()
        self._running().run(self._service.call(request, response))
        return self._finish(response)

    async def acall(
        self, json: Any = msgspec.UNSET, *, method: str = "", path: str = "", headers: Mapping[str, str] | None = None,
        **content: Any,
    ) -> LocalAnswer:  # fmt: skip
        """Call the function from a test that is a coroutine, as `call` does."""
        request = _make_request(json, method, path, headers or {}, content)
        response = CapturedResponse()
        await asyncio.wrap_future(self._running().submit(self._service.call(request, response)))
        return self._finish(response)

    def stream(
        self, json: Any = msgspec.UNSET, *, method: str = "", path: str = "", headers: Mapping[str, str] | None = None,
        **content: Any,
    ) -> Iterator[Any]:  # fmt: skip
        """Call the function, and yield the items of its answer while it produces them.

        Leaving the loop ends the function; one that runs in a thread, a moment later. What it raises is raised here.
        """
        request = _make_request(json, method, path, headers or {}, content)
        response = _StreamedResponse()
        future = self._running().submit(self._finish_stream(request, response))
        try:
            yield from response.read_items()
        finally:
            response.has_left = True
            concurrent.futures.wait([future])
        self._finish(response)

    async def _finish_stream(self, request: InProcessRequest, response: _StreamedResponse) -> None:
        try:
            await self._service.call(request, response)
        finally:
            response.chunks.put(_END)

    def _finish(self, response: CapturedResponse) -> LocalAnswer:
        if response.error is not None and self.raise_errors:
            raise response.error
        return LocalAnswer(response)

    def _open(self) -> None:
        if self._loop is not None:
            raise RuntimeError("a service is started once: make another one")
        self._stack.enter_context(patched_environ(self._environ))
        self._loop = _Loop()
        self._stack.callback(self._loop.close)

    def _stop(self) -> None:
        self._running().run(self._service.stop())

    def _running(self) -> _Loop:
        if self._loop is None:
            raise RuntimeError("the service has not been started: `with testing.service(handler) as service:`")
        return self._loop

    def _open_project(self) -> Any:
        """Return the test's project, else one with a store of its own."""
        if self._project is not None:
            return self._project
        spec = self.handler.loaded.target.function
        return IsolatedStore().project(spec.project if spec and spec.project else "default", self._secrets)


class _StreamedResponse(CapturedResponse):
    """An answer whose chunks another thread reads while they are sent."""

    def __init__(self) -> None:
        super().__init__()
        self.chunks: queue.SimpleQueue[Any] = queue.SimpleQueue()

    async def send(self, message: Message) -> None:
        """Receive an ASGI message."""
        await super().send(message)
        if message.get("body"):
            self.chunks.put(bytes(message["body"]))
        while self.chunks.qsize() > _AHEAD and not self.has_left:  # noqa: ASYNC110  # another thread reads
            await asyncio.sleep(_LOOK)

    def read_items(self) -> Iterator[Any]:
        """Yield the items of the answer, by its media type."""
        decoder = None
        while (chunk := self.chunks.get()) is not _END:
            decoder = decoder or make_item_decoder(self.headers.get("content-type", ""))
            yield from decoder.feed(chunk)
        if decoder is not None and self.error is None:
            yield from decoder.finish()


def _make_request(
    json: Any, method: str, path: str, headers: Mapping[str, str], content: Mapping[str, Any]
) -> InProcessRequest:
    unknown = sorted(set(content) - set(Content.__struct_fields__))
    if unknown:
        raise TypeError(f"a call has no {', '.join(map(repr, unknown))}: it has {', '.join(Content.__struct_fields__)}")
    check_headers(headers)
    parts = Content(json=json, **content)
    body, media_type = parts.make_payload()
    data = b"".join(body.read_chunks()) if isinstance(body, Upload) else body
    named = {name.lower(): value for name, value in headers.items()}
    if media_type:
        named.setdefault("content-type", media_type)
    has_body = bool(media_type)
    method = method.upper() or ("GET" if parts.params and not has_body else "POST")
    return InProcessRequest(data, method, parts.add_query(path), tuple(named.items()))


def _explain(error: BaseException) -> BaseException:
    """Return the error of an init with the traceback of the user's code in its message, which a test shows."""
    if isinstance(error, InitError) and error.cause:
        return InitError(f"{error.message}\n{error.cause}", hint=error.hint)
    return error
