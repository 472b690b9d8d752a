"""A run that a process of this machine executes for this one: wait for its end, and record one that was killed."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping

from ..common.event_wait import wait_for_event
from ..errors import OvenbirdError
from ..platform import keys
from ..platform.entities.run import Run
from ..platform.store import FINAL, EntityStore
from .child_process import CommandProcess
from .stores import read_run


class RunningProcess:
    """A run that another process executes for this one: its process, and the key of its record."""

    def __init__(
        self, process: CommandProcess, store: EntityStore, environ: Mapping[str, str], key: keys.EntityKey
    ) -> None:
        self._process, self._store, self._environ, self._key = process, store, environ, key
        self._is_interrupted = False
        self._watcher: threading.Thread | None = None
        # the watcher sets it: up to Python 3.12, after Ctrl-C in `Thread.join` a live thread counts as dead
        self._ended = threading.Event()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the process of a run that has begun has ended; return False if the time is over before."""
        if self._watcher is None:
            return True
        return wait_for_event(self._ended, timeout)

    def _start_watcher(self) -> None:
        self._watcher = threading.Thread(target=self._watch, name=f"ovenbird-run-{self._process.pid}", daemon=True)
        self._watcher.start()

    def _watch(self) -> None:
        try:
            self._wait_for_process()
            self._process.release()
            with contextlib.suppress(OvenbirdError):
                self._settle()
        finally:
            self._ended.set()

    def _wait_for_process(self) -> None:
        self._process.wait()

    def _settle(self) -> Run:
        """Return the run whose process has ended. Record the end of one that was killed."""
        run = read_run(self._store, str(self._key), self._environ)
        if run.status.state not in FINAL:
            state = "STOPPED" if self._is_interrupted else "ERROR"
            message = self._process.describe_end()
            run.finish(state, message=message, error={"type": "ProcessLost", "message": message, "traceback": ""})
            run.refresh()
        return run
