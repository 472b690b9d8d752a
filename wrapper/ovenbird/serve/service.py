"""Put a service together: settings and a target in, an exit status out."""

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
from ..settings import Settings, cpus
from .handler_adapter import DEFAULT, HandlerAdapter
from .observability.metrics import SharedMetrics
from .request.body_memory import log_pending_input
from .server.listener import allow_new, bind, second_flag

_log = logging.getLogger("ovenbird")


@dataclass(frozen=True, slots=True)
class ServiceHooks:
    """What the command line lends: `find` resolves the target (again), `report` tells an error and gives its status,
    `finish` ends the process; `age` is how long it has lived, in seconds. `open_project` is called in each worker
    process whose function asks for `context.project`; `dialect` is how the function is loaded and spoken to."""

    lines: LogHandler
    find: Callable[[], Target]
    report: Callable[[OvenbirdError], int]
    finish: Callable[[int], NoReturn]
    age: float
    open_project: Callable[[], Any] = lambda: None
    dialect: HandlerAdapter = DEFAULT


def serve(target: Target, settings: Settings, host: ServiceHooks) -> int:
    """Serve until a signal ends it; the exit status."""
    service = _Service(target, settings, host)
    if hasattr(sys.stdout, "reconfigure"):  # what user code prints is seen at once, not when a buffer is full
        sys.stdout.reconfigure(line_buffering=True)
    # Process 1 has to reap orphans, which a process that runs user code must not do: it would take the exit
    # statuses of the user's own children.
    if service.count == 1 and os.getpid() != 1 and not settings.reload and not settings.max_requests:
        return service.work(0, 0, -1, False)
    return service.supervised()


class _Service:
    """A service whose ports are bound: what each worker does, and what minds the workers."""

    def __init__(self, target: Target, settings: Settings, host: ServiceHooks) -> None:
        from .server.worker import Worker  # before workers are forked, so that they share it

        self.target, self.settings, self.host, self._worker = target, settings, host, Worker
        self.count = settings.workers or cpus()
        self.sock = bind(settings)
        second = settings.probe_port or (int(settings.admin_port) if settings.admin_port.isdigit() else 0)
        self.probes = bind(replace(settings, port=second), second_flag(settings)) if second else None
        self.blocks = SharedMetrics(2 * self.count)
        log_pending_input(settings)
        self._began = perf_counter()

    def work(self, slot: int, block: int, link: int, late: bool) -> int:
        """Be a worker until the end; the exit status. The numbers are those of `Worker`."""
        host, settings, place = self.host, self.settings, _url(self.sock)

        def serving() -> None:
            if not late and not slot:
                _log.info("%s is served at %s", handler.name, place, extra={"fields": {"pid": os.getpid()}})

        try:
            with contextlib.suppress(OSError, ValueError, AttributeError):  # stderr may be no file
                faulthandler.enable()
            ports = [sock.fileno() for sock in (self.sock, self.probes) if sock is not None]
            guard_forks(lambda: [*ports, *([link] if link >= 0 else [])])
            start = perf_counter()
            handler = host.dialect.handler(host.find() if settings.reload else self.target)
            self.blocks.blocks[block].phase("start", host.age + start - self._began)
            self.blocks.blocks[block].phase("load", perf_counter() - start)
            return self._worker(
                handler, settings, self.sock, host.lines, self.blocks, slot, block, link, late, serving,
                host.open_project, host.dialect, self.probes,
            ).run()  # fmt: skip
        except OvenbirdError as error:
            return host.report(error)

    def supervised(self) -> int:
        """Have workers do it, each in a process of its own; the exit status."""
        from .server.supervisor import Supervisor

        settings, target = self.settings, self.target
        supervisor = Supervisor(
            settings, self.count, self.work, self.host.finish, self.blocks.blocks,
            release=self._release, restore=self._restore, forgiving=settings.reload,
        )  # fmt: skip
        if settings.reload:
            from .server.reload import watch

            sys.dont_write_bytecode = True  # a cache is told apart by seconds and size: an edit may change neither
            watch([target.root, *([target.function.root] if target.function else [])], supervisor.wake)
        return supervisor.run()

    def _restore(self) -> None:
        for sock in (self.sock, self.probes):
            if sock is not None:
                allow_new(sock)

    def _release(self) -> None:
        for one in (self.sock, self.probes):
            if one is not None:
                one.close()


def _url(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
