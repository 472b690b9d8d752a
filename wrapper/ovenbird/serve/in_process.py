"""A service in this process, without a port: for `ovenbird invoke`, tests and CI."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import unquote

from ..function.context import Context, current_call
from ..function.handler import Handler
from ..logging_config import LogHandler
from ..settings import Settings
from .app import App, AppServices
from .call import HttpCall, Message, Receive, Scope, Send, ServerTransport
from .lifecycle.handler_lifecycle import HandlerLifecycle, init_timeout_error
from .lifecycle.state import WorkerLifecycle
from .observability.access_log import AccessLog
from .observability.metrics import SharedMetrics
from .problem_details import problem_response

_ANSWER = "ovenbird.answer"  # where the scope of a call holds its answer
_LOOK = 0.05  # seconds between two looks whether the client of a call has left
_LEAVING = 1.0  # seconds that a handler has to end when Ctrl-C has ended its call


class InProcessRequest(NamedTuple):
    """The call to make. `path` may hold a query."""

    body: bytes
    method: str = "POST"
    path: str = "/"
    headers: tuple[tuple[str, str], ...] = ()


class CapturedResponse:
    """The answer: status, headers (lower-case names), body; `error` is what the handler raised.

    Whoever waits for it sets `has_left` to leave, as a client does that ends its connection.
    """

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.error: BaseException | None = None
        self.has_left = False

    async def send(self, message: Message) -> None:
        """Receive an ASGI message."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in message["headers"]}
        else:
            self.body += message.get("body", b"")


class _Transport(ServerTransport):
    def is_disconnected(self, call: HttpCall) -> bool:
        return bool(call.scope[_ANSWER].has_left)


class InProcessService:
    """A service on the running event loop: `start`, any number of calls, `stop`."""

    def __init__(self, handler: Handler, settings: Settings, context: Context, lines: LogHandler) -> None:
        self.handler, self.settings, self.context = handler, settings, context
        self._journal = AccessLog(handler.name, lines)
        self._lifecycle = WorkerLifecycle()
        self._startup = HandlerLifecycle(handler, settings, context)
        self._app: App | None = None

    async def start(self) -> None:
        """Run init, and admit calls. Errors: InitError."""
        services = AppServices(
            self._lifecycle, SharedMetrics(1).blocks[0], self._journal, _Transport(), _refuse_system_route
        )
        app = App(self.handler, self.settings, self.context, services)
        app.start(asyncio.get_running_loop())
        app.failures.watch = _keep_error
        try:
            app.application = await asyncio.wait_for(self._startup.begin(), self.settings.init_timeout or None)
        except asyncio.TimeoutError:
            raise init_timeout_error(self.handler.name, self.settings.init_timeout) from None
        self._lifecycle.admit_calls()
        self._app = app

    async def call(self, request: InProcessRequest, answer: CapturedResponse) -> None:
        """Make a call, whose answer is sent to `answer`."""
        assert self._app is not None
        body, method, path, headers = request
        if body and not any(name.lower() == "content-length" for name, _ in headers):
            headers = (*headers, ("content-length", str(len(body))))  # a WSGI application reads no more than this
        plain, _, query = f"/{path.removeprefix('/')}".partition("?")
        scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": method,
            "scheme": "http", "path": unquote(plain), "raw_path": plain.encode(), "query_string": query.encode(),
            "root_path": "", "headers": [(key.lower().encode(), value.encode("latin-1")) for key, value in headers],
            "client": None, "server": None, _ANSWER: answer,
        }  # fmt: skip
        messages = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            if messages:
                return messages.pop()
            while not answer.has_left:  # noqa: ASYNC110  # another thread sets it
                await asyncio.sleep(_LOOK)
            return {"type": "http.disconnect"}

        await self._app(scope, receive, answer.send)
        self._journal.flush()

    async def stop(self) -> None:
        """Run close, and end the threads."""
        await self._startup.end()
        if self._app is not None:
            await self._app.close()


def _keep_error(error: BaseException) -> None:
    """Keep what a handler raised with the answer of its call, which runs now."""
    answer = getattr(current_call.get(), "scope", {}).get(_ANSWER)
    if answer is not None:
        answer.error = answer.error or error


async def _refuse_system_route(_: Scope, __: Receive, send: Send) -> None:
    reply = problem_response(404, "the runtime's own routes are answered by a server only")
    await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
    await send({"type": "http.response.body", "body": reply.body})


def invoke(
    handler: Handler, settings: Settings, lines: LogHandler, request: InProcessRequest,
    open_project: Callable[[], Any] = lambda: None,
) -> CapturedResponse:  # fmt: skip
    """Init, call once, close, and return the answer. Ctrl-C ends the call, and is raised. Errors: InitError."""
    context = Context(handler.name, root=str(handler.loaded.target.root), open_project=open_project)
    return asyncio.run(_invoke(InProcessService(handler, settings, context, lines), request))


async def _invoke(service: InProcessService, request: InProcessRequest) -> CapturedResponse:
    await service.start()
    answer = CapturedResponse()
    call = asyncio.ensure_future(service.call(request, answer))
    try:
        await asyncio.shield(call)
    except asyncio.CancelledError:  # by Ctrl-C: to the handler it is as if its client had left
        answer.has_left = True
        await asyncio.wait((call,), timeout=_LEAVING)
        raise
    await service.stop()
    return answer
