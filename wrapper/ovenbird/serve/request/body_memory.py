"""How many bytes of bodies one worker holds at once: four large ones must not take the memory of a whole container.

Only bodies that come in parts are counted: what came with its headers is small. What a handler or an application reads
by itself, part by part, and the files of forms, which lie on disk, are not held here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NoReturn

from ...settings import Settings, cpus, size
from ..call import HttpCall
from ..server.oom import memory_limit

_SHARE = 4  # bodies may take one part in so many of the container's memory: what is decoded takes several times as much
_log = logging.getLogger("ovenbird")


class BodyMemory:
    """The bodies of one worker. `limit` is in bytes, 0 for none; `refuse` raises what a client is told.

    A body that is larger than the limit is taken while there is no other.
    """

    def __init__(self, limit: int, refuse: Callable[[], NoReturn]) -> None:
        self.limit = limit
        self.held = 0
        self._refuse = refuse

    def reserve(self, call: HttpCall, total: int) -> None:
        """Count `total` bytes for the body of a call, in place of what was counted for it."""
        if self.limit and total > call.held:
            others = self.held - call.held
            if others and others + total > self.limit:
                self._refuse()
            self.held = others + total
            call.held = total

    def release(self, call: HttpCall) -> None:
        """Forget the body of a call."""
        self.held -= call.held
        call.held = 0


def pending_input_limit(settings: Settings) -> int:
    """Return how many bytes of bodies one worker may hold; 0 for no limit."""
    workers = settings.workers or cpus()
    if settings.max_pending_input != "auto":
        return -(-size(settings.max_pending_input) // workers)
    return memory_limit() // _SHARE // workers


def log_pending_input(settings: Settings) -> None:
    """Log a line when a body may be larger than all that are held at once."""
    limit = pending_input_limit(settings)
    if limit and settings.max_body > limit:
        _log.info(
            "--max-body is %d bytes, and a worker holds %d bytes of bodies at once (--max-pending-input): "
            "a larger body is taken only while there is no other", settings.max_body, limit,
        )  # fmt: skip
