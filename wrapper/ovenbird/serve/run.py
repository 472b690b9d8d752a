"""Put a service together: settings and a target in, an exit status out."""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
from collections.abc import Callable
from time import perf_counter
from typing import Any

from ..errors import OvenbirdError
from ..function.handler import Handler
from ..function.load import load
from ..function.target import Target
from ..logs import Lines
from ..settings import Settings, cpus
from .metrics import Blocks

_log = logging.getLogger("ovenbird")


def serve(
    target: Target, settings: Settings, lines: Lines, report: Callable[[OvenbirdError], int], age: float,
    open_project: Callable[[], Any] = lambda: None,
) -> int:  # fmt: skip
    """Serve until a signal ends it. `report` tells an error and gives its status; `age`: seconds since the start.

    `open_project` is called in each worker process whose function asks for `context.project`.
    """
    from . import server

    count = settings.workers or cpus()
    sock = server.bind(settings)
    blocks = Blocks(2 * count)
    host, port = sock.getsockname()[:2]
    place = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    began = perf_counter()

    def work(slot: int, block: int, tell: Callable[[bytes], None], parent: int) -> int:
        def told(word: bytes) -> None:
            if word == b"R" and (not slot or parent < 0):
                _log.info("%s is served at %s", handler.name, place, extra={"fields": {"pid": os.getpid()}})
            tell(word)

        try:
            with contextlib.suppress(OSError, ValueError, AttributeError):  # stderr may be no file
                faulthandler.enable()
            start = perf_counter()
            handler = Handler(load(target))
            blocks.blocks[block].phase("start", age + start - began)
            blocks.blocks[block].phase("load", perf_counter() - start)
            return server.Worker(handler, settings, sock, lines, blocks, slot, block, told, parent, open_project).run()
        except OvenbirdError as error:
            return report(error)

    # Process 1 has to reap orphans, which a process that runs user code must not do: it would take the exit
    # statuses of the user's own children.
    if count == 1 and os.getpid() != 1 and not settings.reload:
        return work(0, 0, lambda _: None, -1)

    from .supervisor import Supervisor

    supervisor = Supervisor(settings, count, work, release=sock.close, forgiving=settings.reload)
    if settings.reload:
        from .reload import watch

        watch(target.root, supervisor.wake)
    return supervisor.run()
