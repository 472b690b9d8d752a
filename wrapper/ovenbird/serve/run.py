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

from ..errors import OvenbirdError
from ..function.target import Target
from ..logs import Lines
from ..settings import Settings, cpus
from .dialect import OWN, Dialect
from .metrics import Blocks
from .port import bind

_log = logging.getLogger("ovenbird")


@dataclass(frozen=True, slots=True)
class Host:
    """What the command line lends: `find` resolves the target (again), `report` tells an error and gives its status,
    `finish` ends the process; `age` is how long it has lived, in seconds. `open_project` is called in each worker
    process whose function asks for `context.project`; `dialect` is how the function is loaded and spoken to."""

    lines: Lines
    find: Callable[[], Target]
    report: Callable[[OvenbirdError], int]
    finish: Callable[[int], NoReturn]
    age: float
    open_project: Callable[[], Any] = lambda: None
    dialect: Dialect = OWN


def serve(target: Target, settings: Settings, host: Host) -> int:
    """Serve until a signal ends it; the exit status."""
    from . import server

    count = settings.workers or cpus()
    sock = bind(settings)
    probes = bind(replace(settings, port=settings.probe_port)) if settings.probe_port else None
    blocks = Blocks(2 * count)
    place = _url(sock)
    began = perf_counter()
    if hasattr(sys.stdout, "reconfigure"):  # what user code prints is seen at once, not when a buffer is full
        sys.stdout.reconfigure(line_buffering=True)

    def work(slot: int, block: int, link: int, late: bool) -> int:
        def serving() -> None:
            if not late and not slot:
                _log.info("%s is served at %s", handler.name, place, extra={"fields": {"pid": os.getpid()}})

        try:
            with contextlib.suppress(OSError, ValueError, AttributeError):  # stderr may be no file
                faulthandler.enable()
            start = perf_counter()
            handler = host.dialect.handler(host.find() if settings.reload else target)
            blocks.blocks[block].phase("start", host.age + start - began)
            blocks.blocks[block].phase("load", perf_counter() - start)
            return server.Worker(
                handler, settings, sock, host.lines, blocks, slot, block, link, late, serving, host.open_project,
                host.dialect, probes,
            ).run()  # fmt: skip
        except OvenbirdError as error:
            return host.report(error)

    # Process 1 has to reap orphans, which a process that runs user code must not do: it would take the exit
    # statuses of the user's own children.
    if count == 1 and os.getpid() != 1 and not settings.reload and not settings.max_requests:
        return work(0, 0, -1, False)

    from .supervisor import Supervisor

    def release() -> None:
        for one in (sock, probes):
            if one is not None:
                one.close()

    supervisor = Supervisor(
        settings, count, work, host.finish, blocks.blocks, release=release, forgiving=settings.reload
    )
    if settings.reload:
        from .reload import watch

        sys.dont_write_bytecode = True  # a cache is told apart by seconds and size: an edit may have neither changed
        watch([target.root, *([target.function.root] if target.function else [])], supervisor.wake)
    return supervisor.run()


def _url(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
