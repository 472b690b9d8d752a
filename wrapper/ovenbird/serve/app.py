"""The ASGI application: admits a call, binds its arguments, runs the handler, sends the answer."""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
from collections.abc import Callable
from time import perf_counter
from types import CoroutineType
from typing import Any, NamedTuple, NoReturn

from ..common import fork_guard
from ..function.context import Context, current_call
from ..function.handler import Handler, HandlerKind
from ..function.header_lines import join_lines
from ..settings import Settings
from .answer_sender import AnswerSender
from .call import CallCancelled, HttpCall, Receive, Scope, Send, ServerTransport
from .concurrency.call_context import CleanContext
from .concurrency.limiter import ConcurrencyLimiter, LimiterHooks
from .concurrency.loop_watchdog import LoopWatchdog
from .concurrency.threaded_call import ThreadedCall, ThreadRunner
from .concurrency.threads import HandlerThreadPool
from .event_batch import answer_batch
from .handler_adapter import DEFAULT, HandlerAdapter
from .lifecycle.state import WorkerLifecycle
from .observability.access_log import AccessLog
from .observability.failures import FailureReporter
from .observability.metrics import WorkerMetrics
from .problem_details import HttpProblem, problem_response, retry_after
from .request import body_reader
from .request.binder import Keywords, RequestBinder
from .request.body_memory import BodyMemory, pending_input_limit
from .response.model import HttpResponse
from .response.serialize import asgi_response, reply_to

DEFAULT_CONCURRENCY = {True: 1000, False: 40}  # by whether calls run on the loop
_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")  # for `Allow` if the settings list no methods
_PREFIX = b"/_/"
_BROWSER_PATHS = (b"/favicon.ico", b"/robots.txt")  # browsers and robots request these on their own
_STUCK = "every slot is held by a call that cannot be stopped"


class AppServices(NamedTuple):
    """Services of a worker for its application.

    `transport` gives access to a call beyond ASGI. `system_routes` answers below the reserved prefix `/_/`.
    """

    lifecycle: WorkerLifecycle
    metrics: WorkerMetrics
    access_log: AccessLog
    transport: ServerTransport
    system_routes: Callable[[Scope, Receive, Send], Any]
    adapter: HandlerAdapter = DEFAULT


class App:
    """The application of one worker: calls of the handler, and the runtime's routes below the reserved prefix `/_/`."""

    def __init__(
        self,
        handler: Handler,
        settings: Settings,
        context: Context,
        services: AppServices,
    ) -> None:
        transport, adapter = services.transport, services.adapter
        self.handler = handler
        self.settings = settings
        self.lifecycle = services.lifecycle
        self.metrics = services.metrics
        self.access_log = services.access_log
        self.system_routes = services.system_routes
        self.transport = transport
        self.on_loop = handler.shape.on_loop
        self.limit = settings.concurrency or DEFAULT_CONCURRENCY[handler.shape.on_loop]
        self.limiter = ConcurrencyLimiter(
            self.limit, settings.queue, settings.timeout,
            LimiterHooks(transport.is_disconnected, self._cancel_handler, self.report_load, self._refuse_waiting),
            patience=settings.queue_timeout,
        )  # fmt: skip
        self.body_memory = BodyMemory(pending_input_limit(settings), self._refuse_body)
        self.failures = FailureReporter(handler.name, settings.debug)
        self._sender = AnswerSender(transport, self.lifecycle, self.limiter, self.failures)
        self.request_binder = (
            RequestBinder(handler.binder, settings, context, adapter.make_event, self.body_memory, on_loop=self.on_loop)
            if handler.binder
            else None
        )
        self.application: Any = None  # the ASGI application, if the handler is one
        self.threads: HandlerThreadPool | None = None
        self.call_type: type[ThreadedCall] = (
            ThreadedCall if handler.shape is not HandlerKind.WSGI else _load_wsgi().WsgiCall
        )
        self.clean_context = CleanContext()
        self.served = 0
        self._process = os.getpid()
        self._logs_calls = settings.access_log and settings.log_level in ("debug", "info")  # calls have level info
        self._methods = frozenset(settings.methods)
        self._reserved = (_PREFIX, *(alias.encode() for alias in adapter.aliases))
        pathless = handler.binder is not None and not handler.binder.sees_path
        self._special_paths = (*self._reserved, *(_BROWSER_PATHS if pathless else ()))
        self._loop: Any = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start on the event loop that serves."""
        self._loop = loop
        self.clean_context = CleanContext()
        self.limiter.start(loop, self.clean_context.base)
        self._sender.start(loop)
        self.access_log.start(loop, self.clean_context.base)
        if not self.on_loop:
            self.threads = HandlerThreadPool(self.limit, loop, self.clean_context.base)
            self._runner = ThreadRunner(self.handler, self.limiter, self.transport, self.failures, loop)
        elif self.handler.shape.on_loop and self.settings.timeout:
            LoopWatchdog(self.handler.name, self.limiter).start()

    async def close(self) -> None:
        """End the threads of an application whose process goes on."""
        if self.threads is not None:
            await self.threads.close()

    @property
    def is_finishing(self) -> bool:
        """Return whether a call that was answered still runs."""
        return any(call.is_answered for call in self.limiter.calls)

    def report_load(self) -> None:
        """Update the metrics: how many calls run, and how many wait."""
        queued = len(self.threads.todo) if self.threads else len(self.limiter.waiting)
        self.metrics.load(len(self.limiter.calls) - queued, queued)
        self.lifecycle.unhealthy = _STUCK if self.limiter.stuck >= self.limit else ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, also if anything fails."""
        if scope["type"] != "http":
            await self._serve_websocket(scope, receive, send)
            return
        # the path as it was sent: `/%5f/live` is the handler's
        if scope["raw_path"].startswith(self._special_paths) and await self._answer_special_path(scope, receive, send):
            return
        lines = scope["headers"]
        headers = dict(lines)
        if len(headers) != len(lines):
            headers = join_lines(lines)
        call = HttpCall(scope, receive, send, headers, perf_counter())
        current_call.set(call)
        if self.clean_context.shared:
            self.clean_context.separate()
        try:
            reply = await self._reply(call)
            if reply is not None and not self._sender.try_send(call, reply):
                await self._sender.send(call, reply)
        except HttpProblem as error:
            await self._sender.send_problem(call, error)
        except (CallCancelled, asyncio.CancelledError) as stopped:
            if call.reason is not None:
                await self._sender.answer_stopped(call, call.reason)
            else:  # nobody cancelled the call: the handler itself raised the error
                await self._sender.answer_failed(call, stopped)
        except BaseException as error:
            await self._sender.answer_failed(call, error)
        if call.form is not None:
            await call.form.close()
        call.form = call.events = call.refusal = None  # an error's traceback may keep the call for a while
        seconds = perf_counter() - call.started
        self.served += 1
        self.metrics.call(call.status, seconds)
        if self._logs_calls:
            self.access_log.add(call, seconds)

    async def _answer_special_path(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Answer a request that is not a call: for a route of the runtime, or for a file that browsers request.

        Return False if the path only begins like one of these.
        """
        if scope["raw_path"].startswith(self._reserved):
            await self.system_routes(scope, receive, send)
            return True
        if scope["raw_path"] not in _BROWSER_PATHS or scope["method"] not in ("GET", "HEAD"):
            return False
        reply = problem_response(404, "the function takes no path, and has no such file")
        await send({"type": "http.response.start", "status": 404, "headers": reply.headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else reply.body})
        return True

    async def _reply(self, call: HttpCall) -> HttpResponse | None:
        """Admit the call, read its body, run the handler, and return the answer; None if it has been sent already."""
        if not self.lifecycle.is_open:
            raise HttpProblem(503, self.lifecycle.why, headers=retry_after(1))
        method = call.scope["method"]
        if method not in self._methods if self._methods else method == "TRACE":  # its answer would contain credentials
            allowed = ", ".join(sorted(self._methods or _METHODS)).encode()
            raise HttpProblem(405, "method not allowed", headers=((b"allow", allowed),))
        if self.limiter.is_full:
            self._refuse_full()
        binder = self.request_binder
        if binder is None:
            return await self._reply_by_application(call)
        arguments = binder.bind_buffered(call, self.transport)
        if arguments is None:
            return await self._reply_late(call, binder)
        if call.events is not None:
            return await answer_batch(call, binder, self._run, self._sender, self.failures)
        if self.threads is not None:
            return await self._run_in_thread(call, arguments)  # type: ignore[arg-type]
        return await self._run_on_loop(call, arguments)  # type: ignore[arg-type]

    async def _reply_late(self, call: HttpCall, binder: RequestBinder) -> HttpResponse | None:
        """Reply to a call whose body has not arrived yet. Its bytes are counted until the handler has ended."""
        try:
            arguments = await binder.bind(call)
            if self.limiter.is_full:  # others were admitted while the body arrived
                self._refuse_full()
            if call.events is not None:
                return await answer_batch(call, binder, self._run, self._sender, self.failures)
            return await self._run(call, arguments)  # type: ignore[arg-type]
        finally:
            self.body_memory.release(call)

    async def _run(self, call: HttpCall, arguments: Keywords) -> HttpResponse | None:
        run = self._run_on_loop if self.threads is None else self._run_in_thread
        return await run(call, arguments)

    async def _run_on_loop(self, call: HttpCall, arguments: Keywords) -> HttpResponse | None:
        """Run the handler in this task. Its slot is released before the reply is sent, unless the reply is a stream."""
        limiter = self.limiter
        limiter.enter(call)
        try:
            if limiter.free and not limiter.waiting:  # the same as `acquire_slot`, without a coroutine
                limiter.free -= 1
            else:
                await limiter.acquire_slot(call)
            try:
                call.task = asyncio.current_task()
                if self.request_binder is None:
                    await self._call_application(call)
                    return None
                result = self.handler.call(**arguments)
                if isinstance(result, CoroutineType) or inspect.isawaitable(result):
                    result = await result
                if call.reason is not None:  # the handler caught its cancellation and went on
                    raise CallCancelled
                reply = reply_to(result, call.header(b"accept") if b"accept" in call.headers else "")
                if (reply.stream is None and reply.app is None) or call.events is not None:
                    return reply
                await self._sender.send(call, reply)
                return None
            finally:
                if fork_guard.in_child and fork_guard.is_forked_from(self._process):
                    fork_guard.end_child(sys.exc_info()[0] is not None)
                call.task = None
                if limiter.waiting:
                    limiter.release_slot()
                else:
                    limiter.free += 1
        finally:
            limiter.finish(call)

    def _refuse_full(self) -> None:
        self.metrics.count_refused_call()
        text = "too many calls are waiting" if self.limiter.capacity else "too many answers wait for slow clients"
        raise HttpProblem(503, text, headers=retry_after(self.limiter.retry_seconds()))

    def _refuse_body(self) -> NoReturn:
        self.metrics.count_refused_call()
        close = (b"connection", b"close")  # the rest of the body is not read
        headers = (*retry_after(self.limiter.retry_seconds()), close)
        raise HttpProblem(503, "too many large bodies are being worked on", headers=headers)

    def _refuse_waiting(self, call: HttpCall) -> None:
        """Refuse a call that has waited too long for a slot. Do nothing if it has just got one."""
        error = HttpProblem(503, "no slot came free in time", headers=retry_after(self.limiter.retry_seconds()))
        if call.is_queued and not call.future.done():
            call.future.set_exception(error)
        elif call.is_queued or self.threads is None or not self.threads.cancel_waiting(call.job, error):
            return
        self.metrics.count_refused_call()

    async def _reply_by_application(self, call: HttpCall) -> HttpResponse | None:
        """Run an ASGI or WSGI application, and return its answer; None if it has been sent already."""
        if self.threads is None:
            return await self._run_on_loop(call, {})
        settings = self.settings
        try:
            body = await _load_wsgi().read_body(
                call, self.transport, settings.max_body, settings.read_timeout, self.body_memory
            )  # fmt: skip
            if self.limiter.is_full:  # others were admitted while the body arrived
                self._refuse_full()
            return await self._run_in_thread(call, body)
        finally:
            if call.held_bytes:
                self.body_memory.release(call)

    async def _call_application(self, call: HttpCall) -> None:
        """Run an ASGI application, which sends the answer."""
        body = body_reader.BodyReader(call, self.settings.max_body, self.settings.read_timeout)
        await self._sender.send(call, asgi_response(self.application), body.receive)

    async def _run_in_thread(self, call: HttpCall, arguments: Keywords) -> HttpResponse:
        """Run a sync handler in a thread, and return the reply.

        The thread, its slot, is released before that is sent.
        """
        threads = self.threads
        assert threads is not None
        call.future = self._loop.create_future()
        call.job = self.call_type(self._runner, call, arguments)
        self.limiter.enter(call)
        threads.submit(call.job)
        try:
            return await call.future  # type: ignore[no-any-return]
        finally:
            call.future = None  # its error's traceback holds this frame, and so the call

    def _cancel_handler(self, call: HttpCall) -> None:
        """Ask the handler of a running call to end."""
        if call.task is not None:
            call.task.cancel()
        elif call.job is not None and self.threads is not None:
            if call.future is not None and not call.future.done():
                call.future.set_exception(CallCancelled())
            call.job.cancel()
            self.threads.cancel(call.job)

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a WebSocket by the ASGI application; close it if there is none."""
        if self.application is not None and self.lifecycle.is_open:
            await self.application(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1013 if self.application else 1003})


def _load_wsgi() -> Any:
    """Return the module for WSGI applications, which is imported on demand."""
    from . import wsgi

    return wsgi
