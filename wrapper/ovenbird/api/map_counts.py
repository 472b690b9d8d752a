"""What is mapped, how many runs of it were read, and the error of those that have failed."""

from __future__ import annotations

from typing import NamedTuple

from ..common.text import show_value
from ..errors import RunFailedError
from ..platform.entities.run import Run
from .failures import COMPLETED

_LISTED = 5  # runs that an error names


class MapPlan(NamedTuple):
    """What is mapped, and how.

    `total` is the number of runs; `ordered`: they keep their order; `check`: a failure is raised; `grace` is that of a
    run in seconds.
    """

    name: str
    total: int
    ordered: bool
    check: bool
    grace: float


class MapCounts:
    """Counts the runs of a map as they are read, and remembers the first that have failed."""

    def __init__(self, plan: MapPlan) -> None:
        self.plan = plan
        self.count_read = self.count_failed = 0
        self._first_failed: list[Run] = []

    def count(self, run: Run) -> Run:
        """Return a run that has ended; count it."""
        self.count_read += 1
        if run.status.state != COMPLETED:
            self.count_failed += 1
            if self.count_failed <= _LISTED:  # there may be very many
                self._first_failed.append(run)
        return run

    def check(self) -> None:
        """Raise RunFailedError where runs have failed, unless the plan says not to."""
        if not (self.count_failed and self.plan.check):
            return
        summaries = "; ".join(
            f"{run.id} is {run.status.state}: {show_value((run.status.error or {}).get('message', ''))}"
            for run in self._first_failed
        )
        more = f"; and {self.count_failed - _LISTED} more" if self.count_failed > _LISTED else ""
        first = self._first_failed[0]
        raise RunFailedError(
            f"{self.count_failed} of {self.plan.total} runs have failed: {summaries}{more}", run=first,
            cause=str((first.status.error or {}).get("traceback") or ""), hint="`check=False` yields them alone",
        )  # fmt: skip
