"""A limit on the bytes of request bodies in one worker, so that a few large ones do not exhaust the container's memory.

Only bodies that arrive in parts are counted: a body that arrives with its headers is small. Bodies that a handler or an
application reads part by part, and files of forms, which are on disk, are not counted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NoReturn

from ...common.cpu_count import count_cpus
from ...common.setting_values import size
from ...settings import Settings
from ..call import HttpCall
from ..server.oom import memory_limit

_SHARE = 4  # bodies may use a quarter of the container's memory: decoded, they take several times as much
_log = logging.getLogger("ovenbird")


class BodyMemory:
    """Counts the bodies of one worker. `limit` is in bytes, 0 for none; `refuse` raises the error for the client.

    A body that is larger than the limit is accepted if there is no other.
    """

    def __init__(self, limit: int, refuse: Callable[[], NoReturn]) -> None:
        self.limit = limit
        self.held_bytes = 0
        self._refuse = refuse

    def reserve(self, call: HttpCall, total: int) -> None:
        """Set the bytes of a call's body to `total`. Errors: those of `refuse`."""
        if self.limit and total > call.held_bytes:
            others = self.held_bytes - call.held_bytes
            if others and others + total > self.limit:
                self._refuse()
            self.held_bytes = others + total
            call.held_bytes = total

    def release(self, call: HttpCall) -> None:
        """Forget the body of a call."""
        self.held_bytes -= call.held_bytes
        call.held_bytes = 0


def pending_input_limit(settings: Settings) -> int:
    """Return the limit of one worker in bytes; 0 for no limit."""
    workers = settings.workers or count_cpus()
    if settings.max_pending_input != "auto":
        return -(-size(settings.max_pending_input) // workers)
    return memory_limit() // _SHARE // workers


def log_pending_input(settings: Settings) -> None:
    """Log a line if the limit of one body is larger than the limit of all."""
    limit = pending_input_limit(settings)
    if limit and settings.max_body > limit:
        _log.info(
            "`--max-body` is %d bytes, and a worker holds %d bytes of bodies at once (`--max-pending-input`): "
            "a larger body is taken only while there is no other", settings.max_body, limit,
        )  # fmt: skip
