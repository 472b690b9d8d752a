"""The life of a service: STARTING -> READY -> DRAINING -> CLOSED."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from time import perf_counter


class WorkerState(enum.Enum):
    """The states of a worker."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    CLOSED = "closed"


class WorkerLifecycle:
    """The state of a worker, and whether it admits calls. `why` is the reason for probes if it is not ready."""

    def __init__(self) -> None:
        self.state = WorkerState.STARTING
        self.is_open = False  # read for each call
        self.is_closing = False  # whether answers tell the client to close its connection
        self.why = "init has not finished"
        self.unhealthy = ""  # why the process should be replaced; empty while all is well
        self.since = perf_counter()
        self.phases: Mapping[str, float] = {}  # seconds of each phase of the start, when that has ended

    def admit_calls(self) -> None:
        """Admit calls."""
        self.state, self.is_open, self.why = WorkerState.READY, True, ""

    def drain(self) -> None:
        """Report not ready, but still admit calls."""
        self.state, self.why, self.is_closing = WorkerState.DRAINING, "the server is shutting down", True

    def close(self) -> None:
        """Admit no more calls."""
        self.state, self.is_open, self.is_closing = WorkerState.CLOSED, False, True
