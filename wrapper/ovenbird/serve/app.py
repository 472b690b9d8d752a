"""The ASGI application: lets a call in, binds its arguments, runs the handler, sends the answer."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Callable
from time import perf_counter
from types import CoroutineType
from typing import Any, NamedTuple, NoReturn

from ..common import fork_guard
from ..function.binder import PayloadValidationError
from ..function.cloudevent import MalformedEvent
from ..function.context import Context, current_call
from ..function.handler import Handler, HandlerKind
from ..function.header_lines import join_lines
from ..settings import Settings
from .call import CallCancelled, HttpCall, Receive, Scope, Send, ServerTransport, StopReason
from .concurrency.call_context import CleanContext
from .concurrency.limiter import ConcurrencyLimiter, LimiterHooks
from .concurrency.loop_watchdog import LoopWatchdog
from .concurrency.threaded_call import ThreadedCall, ThreadRunner
from .concurrency.threads import HandlerThreadPool
from .handler_adapter import DEFAULT, HandlerAdapter
from .lifecycle.state import WorkerLifecycle
from .observability.access_log import AccessLog
from .observability.failures import FailureReporter
from .observability.metrics import WorkerMetrics
from .problem_details import HttpProblem, problem, retry_after
from .request import body_reader
from .request.binder import Keywords, RequestBinder, refusal
from .request.body_memory import BodyMemory, pending_input_limit
from .response import streams
from .response.json_encode import encode
from .response.model import HttpResponse
from .response.serialize import by_app, reply_to

DEFAULT_CONCURRENCY = {True: 1000, False: 40}  # by whether calls run on the loop
_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")  # named where the settings name none
_CLOSE = (b"connection", b"close")
_PREFIX = b"/_/"
_BROWSERS_OWN = (b"/favicon.ico", b"/robots.txt")  # what browsers and robots ask for of their own accord
_STUCK = "every slot is held by a call that cannot be stopped"
_DETAILS = {
    StopReason.TIMEOUT: "the call ran over its time limit",
    StopReason.GRACE: "the server is shutting down",
}


class AppServices(NamedTuple):
    """What a worker lends to its application.

    `transport` knows of a call what ASGI does not tell; `system_routes` answers below the reserved prefix `/_/`.
    """

    lifecycle: WorkerLifecycle
    metrics: WorkerMetrics
    access_log: AccessLog
    transport: ServerTransport
    system_routes: Callable[[Scope, Receive, Send], Any]
    adapter: HandlerAdapter = DEFAULT


class App:
    """One worker's application: the runtime's own routes below the reserved prefix `/_/`, and the handler's calls."""

    def __init__(
        self,
        handler: Handler,
        settings: Settings,
        context: Context,
        services: AppServices,
    ) -> None:
        wire, adapter = services.transport, services.adapter
        self.handler = handler
        self.settings = settings
        self.gate = services.lifecycle
        self.block = services.metrics
        self.journal = services.access_log
        self.internal = services.system_routes
        self.wire = wire
        self.on_loop = handler.shape.on_loop
        self.limit = settings.concurrency or DEFAULT_CONCURRENCY[handler.shape.on_loop]
        self.admission = ConcurrencyLimiter(
            self.limit, settings.queue, settings.timeout,
            LimiterHooks(wire.is_disconnected, self._cancel_handler, self.report_load, self._refuse_waiting),
            patience=settings.queue_timeout,
        )  # fmt: skip
        self.bodies = BodyMemory(pending_input_limit(settings), self._refuse_body)
        self.faults = FailureReporter(handler.name, settings.debug)
        self.arguments = (
            RequestBinder(handler.binder, settings, context, adapter.event, self.bodies, on_loop=self.on_loop)
            if handler.binder
            else None
        )
        self.application: Any = None  # the ASGI form of a handler that speaks it
        self.threads: HandlerThreadPool | None = None
        self.job: type[ThreadedCall] = ThreadedCall if handler.shape is not HandlerKind.WSGI else _load_wsgi().WsgiCall
        self.clean = CleanContext()
        self.served = 0
        self._logged = settings.access_log and settings.log_level in ("debug", "info")  # its lines are of level info
        self._methods = frozenset(settings.methods)
        self._reserved = (_PREFIX, *(alias.encode() for alias in adapter.aliases))
        pathless = handler.binder is not None and not handler.binder.sees_path
        self._not_called = (*self._reserved, *(_BROWSERS_OWN if pathless else ()))
        self._loop: Any = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take the loop that serves."""
        self._loop = loop
        self.clean = CleanContext()
        self.admission.start(loop, self.clean.base)
        self.journal.start(loop, self.clean.base)
        if not self.on_loop:
            self.threads = HandlerThreadPool(self.limit, loop, self.clean.base)
            self._runner = ThreadRunner(self.handler, self.admission, self.wire, self.faults, loop)
        elif self.handler.shape.on_loop and self.settings.timeout:
            LoopWatchdog(self.handler.name, self.admission).start()

    @property
    def finishing(self) -> bool:
        """Whether a call that was answered still runs."""
        return any(call.answered for call in self.admission.calls)

    def report_load(self) -> None:
        """Tell the metrics how many calls run and wait."""
        queued = len(self.threads.todo) if self.threads else len(self.admission.waiting)
        self.block.load(len(self.admission.calls) - queued, queued)
        self.gate.unhealthy = _STUCK if self.admission.stuck >= self.limit else ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens."""
        if scope["type"] != "http":
            await self._socket(scope, receive, send)
            return
        # the path as it was sent: `/%5f/live` is the handler's
        if scope["raw_path"].startswith(self._not_called) and await self._answered_without(scope, receive, send):
            return
        lines = scope["headers"]
        headers = dict(lines)
        if len(headers) != len(lines):
            headers = join_lines(lines)
        call = HttpCall(scope, receive, send, headers, perf_counter())
        current_call.set(call)
        if self.clean.shared:
            self.clean.separate()
        try:
            reply = await self._reply(call)
            if reply is not None and not self._sent(call, reply):
                await self._send(call, reply)
        except HttpProblem as error:
            await self._send_problem(call, error)
        except (CallCancelled, asyncio.CancelledError) as stopped:
            if call.reason is not None:
                await self._answer_cancelled(call, call.reason)
            else:  # nobody asked for it: the handler raised it of its own accord
                await self._answer_failed(call, stopped)
        except BaseException as error:
            await self._answer_failed(call, error)
        if call.form is not None:
            await call.form.close()
        call.form = call.events = call.refusal = None  # the log keeps the call for a while
        seconds = perf_counter() - call.started
        self.served += 1
        self.block.call(call.status, seconds)
        if self._logged:
            self.journal.add(call, seconds)

    async def _answered_without(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Answer what is no call: the runtime's own routes, and what browsers ask a function without a path for.

        Return False for a path that only begins like one of them.
        """
        if scope["raw_path"].startswith(self._reserved):
            await self.internal(scope, receive, send)
            return True
        if scope["raw_path"] not in _BROWSERS_OWN or scope["method"] not in ("GET", "HEAD"):
            return False
        reply = problem(404, "the function takes no path, and has no such file")
        await send({"type": "http.response.start", "status": 404, "headers": reply.headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else reply.body})
        return True

    async def _reply(self, call: HttpCall) -> HttpResponse | None:
        """Let the call in, read its body, and run the handler. None when the answer has been sent already."""
        if not self.gate.open:
            raise HttpProblem(503, self.gate.why, headers=retry_after(1))
        method = call.scope["method"]
        if method not in self._methods if self._methods else method == "TRACE":  # whose answer would hold credentials
            allowed = ", ".join(sorted(self._methods or _METHODS)).encode()
            raise HttpProblem(405, "method not allowed", headers=((b"allow", allowed),))
        if self.admission.is_full:
            self._refuse_full()
        take = self.arguments
        if take is None:
            return await self._application(call)
        arguments = take.prompt(call, self.wire)
        if arguments is None:
            return await self._reply_late(call, take)
        if call.events is not None:
            return await self._batch(call)
        if self.threads is not None:
            return await self._in_thread(call, arguments)  # type: ignore[arg-type]
        return await self._on_loop(call, arguments)  # type: ignore[arg-type]

    async def _reply_late(self, call: HttpCall, take: RequestBinder) -> HttpResponse | None:
        """Reply to a call whose body has still to come: it is counted until the handler has ended."""
        try:
            arguments = await take.of(call)
            if self.admission.is_full:  # others were let in while the body came
                self._refuse_full()
            if call.events is not None:
                return await self._batch(call)
            return await self._run(call, arguments)  # type: ignore[arg-type]
        finally:
            self.bodies.release(call)

    async def _run(self, call: HttpCall, arguments: Keywords) -> HttpResponse | None:
        return await (self._in_thread(call, arguments) if self.threads is not None else self._on_loop(call, arguments))

    async def _on_loop(self, call: HttpCall, arguments: Keywords) -> HttpResponse | None:
        """Run on the loop, in this very task. The slot is free before the reply is sent, unless that is a stream."""
        admission = self.admission
        admission.enter(call)
        try:
            if admission.free and not admission.waiting:  # what follows the else, without a coroutine
                admission.free -= 1
            else:
                await admission.acquire_slot(call)
            try:
                call.task = asyncio.current_task()
                if self.arguments is None:
                    await self._speak(call)
                    return None
                result = self.handler.call(**arguments)
                if isinstance(result, CoroutineType) or inspect.isawaitable(result):
                    result = await result
                if call.reason is not None:  # the handler caught its cancellation and went on
                    raise CallCancelled
                reply = reply_to(result, call.header(b"accept") if b"accept" in call.headers else "")
                if (reply.stream is None and reply.app is None) or call.events is not None:
                    return reply
                await self._send(call, reply)
                return None
            finally:
                if fork_guard.in_child:
                    fork_guard.end_child(sys.exc_info()[0] is not None)
                call.task = None
                if admission.waiting:
                    admission.release_slot()
                else:
                    admission.free += 1
        finally:
            admission.finish(call)

    def _sent(self, call: HttpCall, reply: HttpResponse) -> bool:
        """Send a reply that is whole and not the last one of its connection, in one go; whether that was done."""
        if reply.stream is not None or reply.app is not None or self.gate.closing:
            return False
        call.status = reply.status
        return self.wire.respond(call, reply.status, reply.headers, reply.body)

    def _refuse_full(self) -> None:
        self.block.count_refused_call()
        text = "too many calls are waiting" if self.admission.capacity else "too many answers wait for slow clients"
        raise HttpProblem(503, text, headers=retry_after(self.admission.retry_seconds()))

    def _refuse_body(self) -> NoReturn:
        self.block.count_refused_call()
        close = (b"connection", b"close")  # the rest of the body is not waited for
        headers = (*retry_after(self.admission.retry_seconds()), close)
        raise HttpProblem(503, "too many large bodies are being worked on", headers=headers)

    def _refuse_waiting(self, call: HttpCall) -> None:
        """End a call that has waited for a slot for too long; one that has just got one is left alone."""
        error = HttpProblem(503, "no slot came free in time", headers=retry_after(self.admission.retry_seconds()))
        if call.parked and not call.future.done():
            call.future.set_exception(error)
        elif call.parked or self.threads is None or not self.threads.cancel_waiting(call.job, error):
            return
        self.block.count_refused_call()

    async def _application(self, call: HttpCall) -> HttpResponse | None:
        """Let an application that speaks HTTP itself answer."""
        if self.threads is None:
            return await self._on_loop(call, {})
        settings = self.settings
        try:
            body = await _load_wsgi().read_body(
                call, self.wire, settings.max_body, settings.read_timeout, self.bodies
            )  # fmt: skip
            if self.admission.is_full:  # others were let in while the body came
                self._refuse_full()
            return await self._in_thread(call, body)
        finally:
            if call.held:
                self.bodies.release(call)

    async def _speak(self, call: HttpCall) -> None:
        """Let an ASGI application answer."""
        body = body_reader.BodyReader(call, self.settings.max_body, self.settings.read_timeout)
        await self._send(call, by_app(self.application), body.receive)

    async def _in_thread(self, call: HttpCall, arguments: Keywords) -> HttpResponse:
        """Run a sync handler in a thread. Its slot is the thread, which is free again before the reply is sent."""
        threads = self.threads
        assert threads is not None
        call.future = self._loop.create_future()
        call.job = self.job(self._runner, call, arguments)
        self.admission.enter(call)
        threads.submit(call.job)
        try:
            return await call.future  # type: ignore[no-any-return]
        finally:
            call.future = None  # its error's traceback holds this frame, and so the call

    async def _batch(self, call: HttpCall) -> HttpResponse:
        """Call the handler for each event of a batch, one after the other; one outcome is reported for each."""
        assert self.arguments is not None
        outcomes = []
        for event in call.events:
            outcome: dict[str, Any] = {"id": event.id, "source": event.source}
            try:
                if isinstance(event, MalformedEvent):
                    raise HttpProblem(400, event.reason)
                reply = await self._run(call, self.arguments.for_event(call, event))
                assert reply is not None
                if reply.stream is not None:
                    await self._send_long(call, reply, None)
                outcome["status"] = reply.status
            except PayloadValidationError as error:
                outcome |= {"status": 422, **refusal(error).extra}
            except HttpProblem as error:
                outcome |= {"status": error.status, "detail": error.detail}
            except BaseException as error:
                if call.reason is not None:
                    raise
                self.faults.record(call, error)
                outcome |= {"status": 500, "error_id": call.error_id}
                call.error_id = ""
            outcomes.append(outcome)
        body = encode(outcomes)
        status = 200 if all(outcome["status"] < 400 for outcome in outcomes) else 207
        return HttpResponse(
            status, [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))], body
        )

    async def _send(self, call: HttpCall, reply: HttpResponse, receive: Receive | None = None) -> None:
        if reply.stream is not None or reply.app is not None:
            await self._send_long(call, reply, receive)
        else:
            call.status = reply.status
            headers = [*reply.headers, _CLOSE] if self.gate.closing else reply.headers
            if not self.wire.respond(call, reply.status, headers, reply.body):
                await call.send({"type": "http.response.start", "status": reply.status, "headers": headers})
                await call.send({"type": "http.response.body", "body": reply.body})

    async def _send_long(self, call: HttpCall, reply: HttpResponse, receive: Receive | None) -> None:
        """Send what takes a while. It ends with the time limit or with the client, also where its slot is free again:
        a thread that has handed out a file or an asynchronous generator has done its work."""
        admission = self.admission
        outside = call not in admission.calls
        if outside:
            call.task, call.job = asyncio.current_task(), None
            admission.enter(call)
        try:
            if reply.app is not None:
                await streams.relay(call, reply, receive or call.receive, closing=self.gate.closing)
            elif call.events is not None:
                await streams.exhaust(reply, self._loop)
            else:
                await streams.stream(
                    call, reply, self._loop,
                    is_disconnected=self.wire.is_disconnected, closing=self.gate.closing,
                )  # fmt: skip
        finally:
            if outside:
                call.task = None
                admission.finish(call)

    async def _send_problem(self, call: HttpCall, error: HttpProblem) -> None:
        """Send a problem document; a client that is still sending its body is heard out for a moment."""
        if call.status:
            return
        reply = error.reply()
        if _CLOSE not in error.headers:  # the body has come whole
            await self._send(call, reply)
            return
        call.status = reply.status
        await call.send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
        await call.send({"type": "http.response.body", "body": reply.body, "more_body": True})
        await body_reader.discard(call)
        await call.send({"type": "http.response.body", "body": b""})

    async def _answer_cancelled(self, call: HttpCall, reason: StopReason) -> None:
        """Answer a call that was stopped: 504, 503, or nothing to a client that left."""
        if reason is StopReason.GONE:
            call.status = reason.value
            return
        if call.status:
            where = "after its answer" if call.answered else "half way through its answer"
            self.faults.note(call, f"{self.handler.name}: stopped {where}: {_DETAILS[reason]}")
            return
        headers = retry_after(1) if reason is StopReason.GRACE else ()
        await self._send(call, problem(reason.value, _DETAILS[reason], headers=headers))

    async def _answer_failed(self, call: HttpCall, error: BaseException) -> None:
        """Log what the handler raised; answer 500 unless the answer has begun, which is then cut off."""
        self.faults.record(call, error)
        if not call.status:
            await self._send(call, self.faults.reply(call, error))

    def _cancel_handler(self, call: HttpCall) -> None:
        """Ask the handler of a running call to end."""
        if call.task is not None:
            call.task.cancel()
        elif call.job is not None and self.threads is not None:
            if call.future is not None and not call.future.done():
                call.future.set_exception(CallCancelled())
            call.job.cancel()
            self.threads.cancel(call.job)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A WebSocket: an ASGI application's own affair, and nobody else's."""
        if self.application is not None and self.gate.open:
            await self.application(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1013 if self.application else 1003})


def _load_wsgi() -> Any:
    """The module for WSGI applications, loaded only where there is one."""
    from . import wsgi

    return wsgi
