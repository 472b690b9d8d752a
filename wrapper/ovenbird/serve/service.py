"""Run a service: from settings and a target to an exit status."""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, NoReturn

from ..common.fork_guard import guard_forks
from ..errors import OvenbirdError
from ..function.target import Target
from ..logging_config import LogHandler
from ..settings import Settings, count_cpus
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
    `age` is the age of the process in seconds. `open_project` is called in each worker process whose function uses
    `context.project`. `dialect` loads the function and creates its context and events.
    """

    lines: LogHandler
    find: Callable[[], Target]
    report: Callable[[OvenbirdError], int]
    finish: Callable[[int], NoReturn]
    age: float
    open_project: Callable[[], Any] = lambda: None
    dialect: HandlerAdapter = DEFAULT


def serve(target: Target, settings: Settings, host: ServiceHooks) -> int:
    """Serve until a signal ends the service, and return the exit status."""
    service = _Service(target, settings, host)
    if hasattr(sys.stdout, "reconfigure"):  # output of user code must appear at once
        sys.stdout.reconfigure(line_buffering=True)
    # Process 1 has to reap orphans, which a process that runs user code must not do: it would take the exit
    # statuses of the user's own children.
    if service.count == 1 and os.getpid() != 1 and not settings.reload and not settings.max_requests:
        return service.work(WorkerSlot())
    return service.supervise()


class _Service:
    """A service whose ports are bound: the entry point of a worker, and the supervisor of several."""

    def __init__(self, target: Target, settings: Settings, host: ServiceHooks) -> None:
        from .server.worker import Worker  # imported before workers are forked, so that they share its memory

        self.target, self.settings, self.host, self._worker = target, settings, host, Worker
        self.count = settings.workers or count_cpus()
        sock = bind(settings)
        second = settings.probe_port or (int(settings.admin_port) if settings.admin_port.isdigit() else 0)
        probe_sock = bind(replace(settings, port=second), second_flag(settings)) if second else None
        self.context = ServiceContext(
            settings, host.lines, SharedMetrics(2 * self.count), sock, probe_sock, host.open_project, host.dialect
        )
        self.socks = [sock] if probe_sock is None else [sock, probe_sock]
        log_pending_input(settings)
        self._began = perf_counter()

    def work(self, slot: WorkerSlot) -> int:
        """Run as a worker until it ends, and return the exit status."""
        host, address = self.host, _format_url(self.context.sock)

        def log_address() -> None:
            if not slot.is_late and not slot.number:
                _log.info("%s is served at %s", handler.name, address, extra={"fields": {"pid": os.getpid()}})

        try:
            with contextlib.suppress(OSError, ValueError, AttributeError):  # stderr may be no file
                faulthandler.enable()
            descriptors = [sock.fileno() for sock in self.socks]
            guard_forks(lambda: [*descriptors, *([slot.link] if slot.link >= 0 else [])])
            start = perf_counter()
            handler = host.dialect.handler(host.find() if self.settings.reload else self.target)
            metrics = self.context.metrics.blocks[slot.block]
            metrics.set_phase("start", host.age + start - self._began)
            metrics.set_phase("load", perf_counter() - start)
            return self._worker(handler, self.context, slot, log_address).run()
        except OvenbirdError as error:
            return host.report(error)

    def supervise(self) -> int:
        """Start workers, each in a process of its own, and replace those that end; return the exit status."""
        from .server.supervisor import Supervisor, WorkerActions

        settings, target = self.settings, self.target
        actions = WorkerActions(self.work, self.host.finish, self._close_ports, self._reopen_ports)
        supervisor = Supervisor(settings, self.count, self.context.metrics.blocks, actions)
        if settings.reload:
            from .server.reload import watch

            sys.dont_write_bytecode = True  # bytecode is validated by seconds and size: an edit may change neither
            watch([target.root, *([target.function.root] if target.function else [])], supervisor.wake)
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
