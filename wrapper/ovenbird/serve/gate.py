"""The life of a service: STARTING -> READY -> DRAINING -> CLOSED."""

from __future__ import annotations

import enum
from time import perf_counter


class State(enum.Enum):
    """Where a worker stands in its life."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    CLOSED = "closed"


class Gate:
    """Whether calls are let in. `why` says, for people and probes, what is waited for."""

    def __init__(self) -> None:
        self.state = State.STARTING
        self.open = False  # read for each call
        self.closing = False  # whether answers tell the client to close its connection
        self.why = "init has not finished"
        self.unhealthy = ""  # why the process should be replaced; empty while all is well
        self.since = perf_counter()

    def ready(self) -> None:
        """Let calls in."""
        self.state, self.open, self.why = State.READY, True, ""

    def drain(self) -> None:
        """Be no longer ready, while calls are still let in."""
        self.state, self.why, self.closing = State.DRAINING, "the server is shutting down", True

    def close(self) -> None:
        """Let no call in."""
        self.state, self.open, self.closing = State.CLOSED, False, True
