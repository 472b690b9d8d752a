"""One call in this process, without a port: for `ovenbird invoke`, tests and CI."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import unquote

from ..function.context import Context
from ..function.handler import Handler
from ..logging_config import LogHandler
from ..settings import Settings
from .app import App, AppServices
from .call import Message, Receive, Scope, Send, ServerTransport
from .lifecycle.handler_lifecycle import HandlerLifecycle, init_timeout_error
from .lifecycle.state import WorkerLifecycle
from .observability.access_log import AccessLog
from .observability.metrics import SharedMetrics
from .problem_details import problem_response


class InProcessRequest(NamedTuple):
    """The call to make. `path` may hold a query."""

    body: bytes
    method: str = "POST"
    path: str = "/"
    headers: tuple[tuple[str, str], ...] = ()


class CapturedResponse:
    """The answer: status, headers (lower-case names), body."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = bytearray()

    async def send(self, message: Message) -> None:
        """Receive an ASGI message."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in message["headers"]}
        else:
            self.body += message.get("body", b"")


def invoke(
    handler: Handler, settings: Settings, lines: LogHandler, request: InProcessRequest,
    open_project: Callable[[], Any] = lambda: None,
) -> CapturedResponse:  # fmt: skip
    """Init, call once, close, and return the answer. Errors: InitError."""
    return asyncio.run(_invoke(handler, settings, lines, request, open_project))


async def _invoke(
    handler: Handler, settings: Settings, lines: LogHandler, request: InProcessRequest,
    open_project: Callable[[], Any],
) -> CapturedResponse:  # fmt: skip
    loop = asyncio.get_running_loop()
    body, method, path, headers = request
    context = Context(handler.name, root=str(handler.loaded.target.root), open_project=open_project)
    gate = WorkerLifecycle()

    async def internal(_: Scope, __: Receive, send: Send) -> None:
        reply = problem_response(404, "the runtime's own routes are answered by a server only")
        await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
        await send({"type": "http.response.body", "body": reply.body})

    journal = AccessLog(handler.name, lines)
    app = App(
        handler,
        settings,
        context,
        AppServices(gate, SharedMetrics(1).blocks[0], journal, ServerTransport(), internal),
    )
    app.start(loop)
    startup = HandlerLifecycle(handler, settings, context)
    try:
        app.application = await asyncio.wait_for(startup.begin(), settings.init_timeout or None)
    except asyncio.TimeoutError:
        raise init_timeout_error(handler.name, settings.init_timeout) from None
    gate.admit_calls()
    answer = CapturedResponse()
    if body and not any(name.lower() == "content-length" for name, _ in headers):
        headers = (*headers, ("content-length", str(len(body))))  # a WSGI application reads no more than this
    plain, _, query = f"/{path.removeprefix('/')}".partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": unquote(plain), "raw_path": plain.encode(), "query_string": query.encode(),
        "root_path": "", "headers": [(key.lower().encode(), value.encode("latin-1")) for key, value in headers],
        "client": None, "server": None,
    }  # fmt: skip
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if messages:
            return messages.pop()
        await asyncio.Event().wait()  # the client of this call never leaves
        raise AssertionError

    await app(scope, receive, answer.send)
    journal.flush()
    await startup.end()
    return answer
