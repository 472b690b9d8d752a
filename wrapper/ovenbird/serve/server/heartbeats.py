"""Find workers whose event loop has not run for too long, most likely because code holds the interpreter's lock."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
from collections.abc import Iterable
from time import monotonic

from ...settings import Settings
from ..observability.metrics import WorkerMetrics
from .worker_process import WorkerProcess

_log = logging.getLogger("ovenbird")
_LOOK = 1.0  # seconds between two checks of the workers' event loops
_SILENCE = 5.0  # seconds beyond the time limit of a call for which an event loop may be blocked
_MIN_SILENCE, _UNLIMITED_SILENCE = 10.0, 60.0  # at least, and if calls have no time limit


class HeartbeatWatch:
    """Kills workers that are silent for too long.

    Only time in which this process ran counts, so that a frozen container does not kill its workers.
    """

    def __init__(self, settings: Settings, blocks: list[WorkerMetrics]) -> None:
        self._counters = blocks
        self._limit = _max_silence(settings)
        self._last_look = monotonic()

    def next_look(self, workers: Iterable[WorkerProcess]) -> float | None:
        """Return when to look next; None if there is nothing to look at."""
        return self._last_look + _LOOK if self._limit and any(worker.is_ready for worker in workers) else None

    def look(self, workers: Iterable[WorkerProcess]) -> None:
        """Look at the workers, if it is time for that."""
        now = monotonic()
        passed = now - self._last_look
        if passed < _LOOK or not self._limit:
            return
        self._last_look = now
        for worker in workers:
            block = self._counters[worker.block]
            if not worker.is_ready or block.beats != worker.beats:
                worker.beats, worker.silent = block.beats, 0.0
            else:
                worker.silent += min(passed, 2 * _LOOK)
            block.set_silence(worker.silent)
            if worker.silent > self._limit:
                self._kill(worker, block)

    def _kill(self, worker: WorkerProcess, block: WorkerMetrics) -> None:
        _log.error(
            "worker %d (process %d) is killed: its event loop has not run for %.0f seconds, "
            "as code holds the interpreter's lock or blocks the loop; its calls are lost",
            worker.slot, worker.pid, worker.silent,
        )  # fmt: skip
        block.kill()
        worker.silent = 0.0
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGKILL)


def _max_silence(settings: Settings) -> float:
    """Return the seconds for which the event loop of a worker may be blocked; 0 for no limit.

    There is no limit with `--reload`, because a debugger may have stopped the code.
    """
    if settings.reload:
        return 0.0
    return max(settings.timeout + _SILENCE, _MIN_SILENCE) if settings.timeout else _UNLIMITED_SILENCE
