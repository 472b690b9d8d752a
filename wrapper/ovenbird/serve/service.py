"""Run a service: from settings and a target to an exit status."""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import logging
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, NoReturn

from ..common.cpu_count import count_cpus
from ..common.fork_guard import guard_forks
from ..errors import OvenbirdError
from ..function.context import Context
from ..function.handler import Handler
from ..function.target import Target
from ..logging_config import LogHandler
from ..settings import Settings
from .handler_adapter import DEFAULT, HandlerAdapter
from .observability.metrics import SharedMetrics
from .request.body_memory import log_pending_input
from .server.listener import allow_new, bind, second_flag
from .server.worker_context import ServiceContext, WorkerSlot

_log = logging.getLogger("ovenbird")


@dataclass(frozen=True, slots=True)
class ServiceHooks:
    """Callbacks of the command line.

    `find` resolves the target (again). `report` prints an error and returns its exit status. `finish` ends the process.
    `age` is the age of the process in seconds, and `read_age` that of the calling one. `open_project` is called in each
    worker process whose function uses `context.project`. `dialect` loads the function and creates its context and
    events. `announce` gets the URL when the first worker is ready, in that worker's process.
    """

    lines: LogHandler
    find: Callable[[], Target]
    report: Callable[[OvenbirdError], int]
    finish: Callable[[int], NoReturn]
    age: float
    open_project: Callable[[], Any] = lambda: None
    dialect: HandlerAdapter = DEFAULT
    read_age: Callable[[], float] = lambda: 0.0
    announce: Callable[[str], None] = lambda _: None


def serve(target: Target, settings: Settings, host: ServiceHooks) -> int:
    """Serve until a signal ends the service, and return the exit status."""
    service = _Service(target, settings, host)
    if hasattr(sys.stdout, "reconfigure"):  # output of user code must appear at once
        sys.stdout.reconfigure(line_buffering=True)
    # Process 1 has to reap orphans, which a process that runs user code must not do: it would take the exit
    # statuses of the user's own children.
    is_alone = service.count == 1 and os.getpid() != 1 and service.preload == "off"
    if is_alone and not settings.reload and not settings.max_requests:
        return service.work(WorkerSlot())
    return service.supervise()


@dataclass(slots=True)
class _LoadedService:
    """A loaded function, how many seconds that took, and the context with which its init has run in the template."""

    handler: Handler
    load_seconds: float = 0.0
    context: Context | None = None


class _Service:
    """A service whose ports are bound: the entry point of a worker, and the supervisor of several."""

    def __init__(self, target: Target, settings: Settings, host: ServiceHooks) -> None:
        from .server.worker import Worker  # imported before workers are forked, so that they share its memory

        self.target, self.settings, self.host, self._worker = target, settings, host, Worker
        self.count = settings.workers or count_cpus()
        self.preload = settings.preload if settings.preload != "auto" else "import" if self.count > 1 else "off"
        sock = bind(settings)
        second = settings.probe_port or (int(settings.admin_port) if settings.admin_port.isdigit() else 0)
        probe_sock = bind(replace(settings, port=second), second_flag(settings)) if second else None
        self.context = ServiceContext(
            settings, host.lines, SharedMetrics(2 * self.count), sock, probe_sock, host.open_project, host.dialect
        )
        self.socks = [sock] if probe_sock is None else [sock, probe_sock]
        log_pending_input(settings)
        self._began = perf_counter()

    def work(self, slot: WorkerSlot, function: _LoadedService | None = None) -> int:
        """Run as a worker until it ends, and return the exit status. `function` was loaded by the template."""
        address = _format_url(self.context.sock)

        def log_address() -> None:
            if not slot.is_late and not slot.number:
                _log.info("%s is served at %s", handler.name, address, extra={"fields": {"pid": os.getpid()}})
                self.host.announce(address)

        try:
            self._guard(slot.link)
            is_first = self.context.metrics.count_starts() < self.count  # else it takes the place of another one
            start = perf_counter()
            age = self.host.age + start - self._began if is_first else self.host.read_age()
            load = 0.0  # a function that the template has loaded takes no time of a later worker's start
            if function is None:
                function = self._load()
                load = function.load_seconds = perf_counter() - start
            elif is_first:
                load = function.load_seconds
                age -= load
            handler = function.handler
            metrics = self.context.metrics.blocks[slot.block]
            metrics.set_phase("start", age)
            metrics.set_phase("load", load)
            return self._worker(handler, self.context, slot, log_address, function.context).run()
        except OvenbirdError as error:
            return self.host.report(error)

    def _guard(self, link: int) -> None:
        """Make this process one that runs user code: its crashes are traced, and its children lack our descriptors."""
        with contextlib.suppress(OSError, ValueError, AttributeError):  # stderr may be no file
            faulthandler.enable()
        descriptors = [sock.fileno() for sock in self.socks] + ([link] if link >= 0 else [])
        guard_forks(lambda: descriptors)

    def _load(self) -> _LoadedService:
        return _LoadedService(self.host.dialect.handler(self.host.find() if self.settings.reload else self.target))

    def _run_template(self, link: socket.socket) -> int:
        """Load the function and fork workers, until the supervisor closes `link`; return the status of a worker."""
        from .lifecycle.handler_lifecycle import HandlerLifecycle
        from .server.template import run_template
        from .server.worker import import_engine

        functions: list[_LoadedService] = []

        def load(announce_init: Callable[[], None]) -> None:
            import_engine()
            start = perf_counter()
            function = self._load()
            functions.append(function)
            if self.preload == "init":
                context = self.host.dialect.make_context(function.handler, 0, self.host.open_project)
                lifecycle = HandlerLifecycle(function.handler, self.settings, context)
                if lifecycle.has_async_init:
                    _log.warning(
                        "init of %s is async: it runs in each worker, as what it opens belongs to an event loop",
                        function.handler.name,
                    )
                else:
                    announce_init()
                    lifecycle.run_shared()
                    function.context = context
            function.load_seconds = perf_counter() - start

        try:
            self._guard(link.fileno())
            return run_template(link, load, lambda slot: self.work(slot, functions[0]))
        except OvenbirdError as error:
            return self.host.report(error)

    def _report_late_init(self) -> int:
        from .lifecycle.handler_lifecycle import init_timeout_error

        name = self.target.function.name if self.target.function else self.target.attribute
        return self.host.report(init_timeout_error(name, self.settings.init_timeout))

    def supervise(self) -> int:
        """Start workers, each in a process of its own, and replace those that end; return the exit status."""
        from ..common.child_subreaper import become_child_subreaper
        from .server.supervisor import Supervisor
        from .server.worker_process import WorkerActions

        settings, target = self.settings, self.target
        if self.preload != "off" and not become_child_subreaper():
            _log.warning("served without preload: this system does not let a process adopt orphans")
            self.preload = "off"
        actions = WorkerActions(
            self.work, self._run_template, self.host.finish, self._close_ports, self._reopen_ports,
            self._report_late_init,
        )  # fmt: skip
        supervisor = Supervisor(replace(settings, preload=self.preload), self.count, self.context.metrics, actions)
        if settings.reload:
            from .server.reload import watch

            sys.dont_write_bytecode = True  # bytecode is validated by seconds and size: an edit may change neither
            watch([target.root, *([target.function.root] if target.function else [])], supervisor.wake)
        gc.freeze()  # no collection in another process traverses what it shares with this one, and so copies it
        return supervisor.run()

    def _reopen_ports(self) -> None:
        for sock in self.socks:
            allow_new(sock)

    def _close_ports(self) -> None:
        for sock in self.socks:
            sock.close()


def _format_url(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
