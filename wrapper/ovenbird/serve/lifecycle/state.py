"""The life of a service: STARTING -> READY -> DRAINING -> CLOSED."""

from __future__ import annotations

import enum
from time import perf_counter


class WorkerState(enum.Enum):
    """Where a worker stands in its life."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    CLOSED = "closed"


class WorkerLifecycle:
    """Whether calls are let in. `why` says, for people and probes, what is waited for."""

    def __init__(self) -> None:
        self.state = WorkerState.STARTING
        self.open = False  # read for each call
        self.closing = False  # whether answers tell the client to close its connection
        self.why = "init has not finished"
        self.unhealthy = ""  # why the process should be replaced; empty while all is well
        self.since = perf_counter()

    def ready(self) -> None:
        """Let calls in."""
        self.state, self.open, self.why = WorkerState.READY, True, ""

    def drain(self) -> None:
        """Be no longer ready, while calls are still let in."""
        self.state, self.why, self.closing = WorkerState.DRAINING, "the server is shutting down", True

    def close(self) -> None:
        """Let no call in."""
        self.state, self.open, self.closing = WorkerState.CLOSED, False, True
