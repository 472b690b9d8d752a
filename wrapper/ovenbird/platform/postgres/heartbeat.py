"""The thread of a process that owns runs: it shows that the process lives, and writes what has been held back."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable

from ...errors import OvenbirdError
from .run_owners import RunOwners

TICK = 1.0  # seconds between two batches of logs and metrics
_BEAT = 3.0  # seconds between two signs of life
_SLOWEST = 10.0  # seconds between two attempts while the database does not answer
_log = logging.getLogger("ovenbird")


class Heartbeat:
    """Touches the rows of the runs of this process while there are any. `write_pending` writes logs and metrics."""

    def __init__(self, owners: RunOwners, write_pending: Callable[[], None]) -> None:
        self._owners = owners
        self._write_pending = write_pending
        self._sequences: set[int] = set()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._pid = 0
        self._is_failing = False
        self._is_stopped = False
        self._next_beat = 0.0

    @property
    def is_running(self) -> bool:
        """Return whether the thread runs in this process, and not only in the one that this was forked from."""
        return self._pid == os.getpid() and bool(self._sequences)

    def owns(self, sequence: int) -> bool:
        """Return whether a run of this process has not ended yet."""
        return self._pid == os.getpid() and sequence in self._sequences

    def add(self, sequence: int) -> None:
        """Own a run; the thread starts with the first."""
        with self._lock:
            self._sequences.add(sequence)
            if self._pid != os.getpid():
                self._pid, self._ended, self._sequences = os.getpid(), threading.Event(), {sequence}
                self._is_stopped, self._next_beat = False, time.monotonic() + _BEAT
                threading.Thread(target=self._run, args=(self._ended,), daemon=True, name="ovenbird-heartbeat").start()

    def remove(self, sequence: int) -> None:
        """Let go of a run; the thread ends with the last."""
        with self._lock:
            self._sequences.discard(sequence)
            if not self._sequences:
                self._ended.set()
                self._pid = 0

    def close(self) -> None:
        """Let go of all runs."""
        for sequence in list(self._sequences):
            self.remove(sequence)

    def _run(self, ended: threading.Event) -> None:
        pause = TICK
        while not ended.wait(pause):
            try:
                self._tick()
            except OvenbirdError as error:
                if not self._is_failing:
                    _log.warning("%s; the run goes on, and what it records is held back", error.message)
                self._is_failing, pause = True, min(pause * 2, _SLOWEST)
                continue
            except Exception as broken:  # the thread must not end before its run
                _log.error("the heartbeat of the run failed: %s", type(broken).__name__)
                continue
            if self._is_failing:
                _log.warning("the database answers again; what was held back is written")
            self._is_failing, pause = False, TICK

    def _tick(self) -> None:
        if time.monotonic() >= self._next_beat:
            self._beat()
            self._next_beat = time.monotonic() + _BEAT
        self._write_pending()

    def _beat(self) -> None:
        with self._lock:
            sequences = sorted(self._sequences)
        lost, is_stop_requested = self._owners.touch(sequences)
        for sequence in lost:
            if sequence in self._sequences and self._owners.reclaim(sequence):
                _log.warning("the run was recorded as lost while the database could not be reached; it goes on")
        if is_stop_requested and not self._is_stopped:
            self._is_stopped = True
            os.kill(os.getpid(), signal.SIGTERM)
