"""`Function.map`: many runs of a function, which is imported once, in a child process that forks one for each run."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import weakref
from collections.abc import Iterable, Iterator, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import OvenbirdError
from ..job.entrypoint import check_output_flags
from ..platform.entities.run import Run
from ..platform.store import EntityStore
from .card_display import CardDisplay
from .child_process import ChildProcess
from .child_request import make_plain_values
from .failures import make_error
from .map_counts import MapCounts, MapPlan
from .map_request import MapRequest, make_lines
from .process import resolve_paths
from .run_request import PROCESS, RunRequest
from .sources import FunctionSource
from .stores import open_shared_store, read_run

if TYPE_CHECKING:
    from ..display.card import Card

_MARGIN = 2.0  # seconds beyond the grace of a run until its process is killed
_FORCED = 3.0  # seconds from a second Ctrl-C until the child is killed: it kills its runs itself, after the first one


def start_map(
    source: FunctionSource, request: RunRequest, params_list: Iterable[Mapping[str, Any]], *, ordered: bool, check: bool
) -> RunMap:  # fmt: skip
    """Start a run for each mapping of parameters, over those of the request. Errors: OvenbirdError."""
    shared = make_plain_values(request.parameters)
    lines = [{**shared, **line} for line in make_lines(params_list)]
    check_output_flags(request.settings)
    target = source.locate(request.environ)
    store = open_shared_store(request.settings, request.environ)
    settings, environ = resolve_paths(request)
    plan = MapPlan(source.text, len(lines), ordered, check, settings.grace)
    message = MapRequest(target, settings, lines, {**request.launch, "on": PROCESS}).encode()
    return RunMap(MapReader(ChildProcess(message, environ, None, "map_child"), store, environ, plan))


class RunReader(Protocol):
    """What the runs of a map are read from: the child process of `map`, or a Job of a cluster."""

    plan: MapPlan
    count_read: int
    count_failed: int

    def read_runs(self) -> Iterator[Run]:
        """Yield the runs."""

    def close(self) -> None:
        """Stop all runs that have not ended."""

    def interrupt(self) -> None:
        """Stop all runs as Ctrl-C does."""


class RunMap(CardDisplay, Iterator[Run]):
    """The runs of a map, each as soon as it and all before it have ended; `ordered=False`: as soon as it has ended.

    A run that fails is yielded like any other. After the last one RunFailedError is raised with `check`, if any has
    failed. `close`, the end of a `with` block and of a loop that is left stop all that still runs.
    """

    def __init__(self, reader: RunReader) -> None:
        self._reader, self._runs = reader, reader.read_runs()
        self.close = weakref.finalize(self, reader.close)
        """Stop all runs that have not ended, and wait until they have."""

    def __enter__(self) -> RunMap:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return self._reader.plan.total

    def __repr__(self) -> str:
        return f"<RunMap of {len(self)} runs, {self._reader.count_read} read>"

    def _make_card(self) -> Card:
        from ..display.card import Card

        facts = {"runs": len(self), "read": self._reader.count_read, "failed": self._reader.count_failed,
                 "read them": "for run in ..."}  # fmt: skip
        return Card("Map", self._reader.plan.name, facts=facts)

    def __next__(self) -> Run:
        """Return the next run. Errors: RunFailedError after the last one; KeyboardInterrupt, after all were stopped."""
        try:
            return next(self._runs)
        except KeyboardInterrupt:
            self._reader.interrupt()
            raise
        except BaseException:
            self.close()
            raise


class MapReader(MapCounts):
    """Reads the runs of a map from its child process, and stops what is left of them."""

    def __init__(self, child: ChildProcess, store: EntityStore, environ: Mapping[str, str], plan: MapPlan) -> None:
        super().__init__(plan)
        self._child, self._store, self._environ = child, store, environ
        self._owner, self._is_closed = os.getpid(), False
        self._limit = plan.grace + _MARGIN if plan.grace else math.inf

    def read_runs(self) -> Iterator[Run]:
        """Yield the runs. Errors: RunFailedError after the last one; ArgumentsError, LoadError before the first."""
        ended: dict[int, str] = {}
        following, count = 1, 0
        for report in self._child.read_reports():
            if error := report.get("error"):
                self._drain(self._limit)
                raise make_error(error)
            count += 1
            number = report["number"]
            if not report["key"]:
                raise OvenbirdError(f"run {number} of the map has no record: {report['message']}")
            ended[number] = report["key"]
            if not self.plan.ordered:
                following = number
            while following in ended:
                yield self.count(read_run(self._store, ended.pop(following), self._environ))
                following += 1
        self._child.wait()
        if count < self.plan.total:
            raise OvenbirdError(f"{self.plan.total - count} runs have not been run: {self._child.describe_end()}")
        self.check()

    def close(self) -> None:
        """Stop all runs that have not ended, and wait until they have. A forked child of the caller lets them be."""
        if not self._is_closed and os.getpid() == self._owner:
            self._is_closed = True
            self._stop(signal.SIGTERM)

    def interrupt(self) -> None:
        """Stop all runs as Ctrl-C does."""
        self._is_closed = True
        self._stop(signal.SIGINT)

    def _stop(self, number: int) -> None:
        """Stop all runs by a signal. Errors: KeyboardInterrupt for a further Ctrl-C, which kills them."""
        try:
            for send in (number, signal.SIGTERM):  # at the second signal the child kills what is left
                if not self._child.has_ended():
                    self._child.stop(send)
                    self._drain(self._limit)
        except KeyboardInterrupt:
            self._kill_runs()
            raise
        finally:
            self._kill()

    def _kill_runs(self) -> None:
        """Have the child kill its runs: each is in a group of its own, which only the child knows."""
        deadline = monotonic() + _FORCED
        while not self._child.has_ended() and monotonic() < deadline:
            self._child.stop(signal.SIGTERM)  # again: right after the first signal it takes it for the same one
            with contextlib.suppress(KeyboardInterrupt):
                self._drain(0.5)

    def _kill(self) -> None:
        if not self._child.has_ended():
            self._child.kill()
            self._child.wait()
        self._child.release()

    def _drain(self, seconds: float) -> None:
        """Read what the child says until it has ended: a full pipe would keep it from that."""
        for _ in self._child.read_reports(seconds):
            pass
