"""The life of one worker: open the port, init, ready, drain, close."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from time import perf_counter
from typing import Any

import uvicorn

from ...common.fork_guard import guard_forks
from ...function.context import Context
from ...function.handler import Handler, HandlerKind
from ..app import App, AppServices
from ..lifecycle.handler_lifecycle import HandlerLifecycle, init_timeout_error
from ..lifecycle.state import WorkerLifecycle
from ..observability.access_log import AccessLog
from ..observability.metrics import WorkerMetrics
from ..observability.start_timing import FirstAnswerTiming
from ..observability.system_routes import SystemRoutes
from ..response.pending_output import PendingOutput
from .control_pipe import BEGUN, ENOUGH, OVERTIME, READY
from .drain import Drain
from .engine import choose
from .http_server import HttpServer
from .listener import bind_error, second_flag
from .stop_requests import StopRequests
from .worker_context import ServiceContext, WorkerSlot

_log = logging.getLogger("ovenbird")
_BACKLOG = 2048
_DEFAULT_INTERVAL = 0.005  # seconds for which a thread may keep the interpreter from the others
_INTERVAL = 0.001  # the same while handlers run in threads: the loop, and so each call and probe, waits for them
_STUCK = 1.0  # seconds beyond the time limit for an init that blocks the event loop


class Worker:
    """Serves one handler in this process until it is stopped. `on_serving` is called when calls are admitted."""

    def __init__(
        self,
        handler: Handler,
        service: ServiceContext,
        slot: WorkerSlot,
        on_serving: Callable[[], None],
        shared_context: Context | None = None,
    ) -> None:
        """Initialise. `shared_context` is the context with which init has run in the template already."""
        self._began = perf_counter()
        settings, adapter, metrics = service.settings, service.adapter, service.metrics
        self.handler = handler
        self.settings = settings
        self.sock = service.sock
        self.lifecycle = WorkerLifecycle()
        self.metrics: WorkerMetrics = metrics.blocks[slot.block]
        self.context = shared_context or adapter.make_context(handler, slot.number, service.open_project)
        self.context.worker_id = slot.number
        self.startup = HandlerLifecycle(handler, settings, self.context, is_shared=shared_context is not None)
        self.system_routes = SystemRoutes(
            handler, self.lifecycle, metrics, self._report_gauges, adapter.aliases, settings=settings
        )
        self.access_log = AccessLog(handler.name, service.log_handler)
        self._protocol, transport = choose()
        self.app = App(
            handler,
            settings,
            self.context,
            AppServices(self.lifecycle, self.metrics, self.access_log, transport, self.system_routes, adapter),
        )
        self._output = PendingOutput(
            settings.write_timeout, settings.max_pending_output, self.metrics, self.app.limiter.restrict
        )
        self._probes = service.probe_sock
        self._prober: HttpServer | None = None
        self._blocks = metrics.blocks
        self._server: HttpServer | None = None
        self._stop_requests = StopRequests(slot, self.lifecycle)
        self._late = slot.is_late
        self._on_serving = on_serving

    def _report_gauges(self) -> None:
        self.app.report_load()

    def run(self) -> int:
        """Serve until the worker is stopped, and return the exit status."""
        import uvloop

        if self._protocol is not None:
            self._protocol.max_header = self.settings.max_header
            self._protocol.count = self.metrics.count_refused_request
            self._protocol.output = self._output
        if not self.app.on_loop and sys.getswitchinterval() == _DEFAULT_INTERVAL:  # the user's code may have set it
            sys.setswitchinterval(_INTERVAL)
        loop = uvloop.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            return loop.run_until_complete(self._live(loop))
        finally:
            self.access_log.flush()

    async def _live(self, loop: asyncio.AbstractEventLoop) -> int:
        self.metrics.begin()
        self.app.start(loop)
        self._stop_requests.write_word(BEGUN)
        server = None if self._late else await self._open()
        self.metrics.set_initialising(is_initialising=server is not None)
        self._stop_requests.watch(loop)
        guard_forks(self._list_descriptors)
        began = perf_counter()
        if not await self._prepare(loop):
            return 128 + self._stop_requests.signal_number
        init = perf_counter() - began
        self.metrics.set_phase("init", init)
        server = server or await self._open()
        self._enable_tracing(server)
        self.metrics.set_phase("listen", perf_counter() - self._began - init)
        self.lifecycle.phases = self.metrics.read_phases()
        FirstAnswerTiming(server, self.lifecycle.phases, self.system_routes.paths)
        beat = loop.create_task(self._beat(server, loop))
        try:
            gc.freeze()  # objects of the start-up stay: no later collection has to traverse them
            self.lifecycle.admit_calls()
            self.metrics.set_initialising(is_initialising=False)
            self._on_serving()
            self._stop_requests.write_word(READY)
            await self._stop_requests.stop.wait()
            await Drain(self.app, self._stop_requests, self.sock, server, self._prober).run()
            self.access_log.flush()
            await self.startup.end()
            return 0
        finally:
            beat.cancel()

    async def _open(self) -> HttpServer:
        """Open the port, and return its server. Probes are answered from now on."""
        application = self.handler.shape is HandlerKind.ASGI
        config = self._make_config(self.app, ws="auto" if application else "none", proxy_headers=application)
        shared = len(self._blocks) > 2  # two blocks for each worker: a retiring one overlaps with its successor
        server = HttpServer(config, self.metrics if shared else None, self._blocks)
        self._server = server
        try:
            await server.startup(sockets=[self.sock])
        except OSError as error:  # two processes may bind a port on which neither listens yet
            raise bind_error(self.settings, error) from None
        if self._probes is not None:
            self._prober = await self._open_probes(self._probes)
        return server

    async def _open_probes(self, sock: socket.socket) -> HttpServer:
        """Open the port for probes. It stays open to the end, and reports why calls are no longer admitted."""
        config = self._make_config(self.system_routes.probe, ws="none", proxy_headers=False)
        server = HttpServer(config)
        try:
            await server.startup(sockets=[sock])
        except OSError as error:
            settings = replace(self.settings, port=sock.getsockname()[1])
            raise bind_error(settings, error, second_flag(settings)) from None
        return server

    def _make_config(self, application: Any, **options: Any) -> uvicorn.Config:
        config = uvicorn.Config(
            application, http=self._protocol or "auto", loop="none", lifespan="off", log_config=None, access_log=False,
            server_header=False, backlog=_BACKLOG, interface="asgi3",
            timeout_keep_alive=self.settings.keep_alive, **options,  # type: ignore[arg-type]  # seconds need not be whole
        )  # fmt: skip
        config.load()
        return config

    def _is_ours(self, connection: Any) -> bool:
        """Return whether a connection uses our HTTP protocol. Others are WebSockets, or use uvicorn's protocol."""
        return self._protocol is not None and isinstance(connection, self._protocol)

    def _enable_tracing(self, server: HttpServer) -> None:
        """Trace calls if OpenTelemetry's SDK is installed and configured, by the environment or by user code."""
        from ..observability import otel

        if not otel.is_wanted(os.environ):
            return
        config = server.config
        config.loaded_app = otel.trace_calls(config.loaded_app, self.app, os.environ)
        for connection in server.connections:  # connections from before the end of init
            if self._is_ours(connection):
                connection.app = config.loaded_app

    async def _prepare(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Construct and init within the time limit. Return False if a signal came first. Errors: InitError."""
        limit = self.settings.init_timeout or None
        guard = self._start_guard()
        work = loop.create_task(self.startup.begin())
        stop = loop.create_task(self._stop_requests.stop.wait())
        await asyncio.wait((work, stop), timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if guard is not None:
            guard.cancel()
        if work.done():
            self.app.application = work.result()
            return True
        work.cancel()
        if self._stop_requests.stop.is_set():
            return False
        self._stop_requests.write_word(OVERTIME)
        raise init_timeout_error(self.handler.name, self.settings.init_timeout)

    def _start_guard(self) -> threading.Timer | None:
        """Start a timer that ends the process if an async init blocks the loop beyond its time limit."""
        init = self.startup.on_loop
        if not self.settings.init_timeout or not init:
            return None

        def end() -> None:
            self._stop_requests.write_word(OVERTIME)
            error = init_timeout_error(self.handler.name, self.settings.init_timeout)
            _log.error(error.message, extra={"fields": {"code": error.code, "hint": "it blocks the event loop"}})
            from ...common.termination_log import write_termination_message

            write_termination_message(error.code, str(error))
            os._exit(error.exit_code)

        guard = threading.Timer(self.settings.init_timeout + _STUCK, end)
        guard.daemon = True
        guard.start()
        return guard

    def _list_descriptors(self) -> Iterator[int]:
        """Yield the descriptors of all connections: a child that user code forks must not keep them open."""
        yield from self.access_log.descriptors
        for server in (self._server, self._prober):
            for connection in server.connections if server is not None else ():
                sock = connection.transport.get_extra_info("socket")
                if sock is not None:
                    yield sock.fileno()

    async def _beat(self, server: HttpServer, loop: asyncio.AbstractEventLoop) -> None:
        """Once a second, update the heartbeat, look for the parent, close late connections, and request a successor."""
        retire_at = _add_jitter(self.settings.max_requests)
        announced = False
        while True:
            self.metrics.count_beat()
            self._stop_requests.read_words()
            connections = [connection for connection in server.connections if self._is_ours(connection)]
            if self.settings.read_timeout:
                before = loop.time() - self.settings.read_timeout
                for connection in connections:
                    if connection.is_late(before):
                        connection.transport.close()
            self._output.inspect(connections, loop.time())
            why = self.lifecycle.unhealthy or (
                f"it has served {self.app.served} calls" if retire_at and self.app.served >= retire_at else ""
            )
            if why and self._stop_requests.has_parent and not announced:  # it serves until its successor is ready
                announced = True
                _log.info("worker %d is replaced: %s", self.context.worker_id, why)
                self._stop_requests.write_word(ENOUGH)
            await asyncio.sleep(1.0 if not retire_at else 0.1)


def import_engine() -> None:
    """Import what each worker needs only when it runs, on behalf of all that are forked from this process."""
    import uvloop  # noqa: F401

    from ..observability import otel  # noqa: F401

    protocol, _ = choose()
    config = uvicorn.Config(App.__call__, http=protocol or "auto", loop="none", lifespan="off", log_config=None)
    config.load()


def _add_jitter(count: int) -> int:
    """Return the count plus up to a tenth, so that workers do not retire at the same time."""
    import random

    return count + random.randint(0, count // 10) if count else 0  # noqa: S311 (no secret)
