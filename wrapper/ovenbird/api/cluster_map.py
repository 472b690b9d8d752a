"""`Function.map(on="cluster")`: one indexed Job for all calls; a record for each that has ended."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..errors import ArgumentsError, OvenbirdError
from ..platform.entities.run import FunctionRevision, Run
from ..platform.store import EntityStore
from .child_request import make_plain_values
from .cluster import create_job, create_record, finish_run, make_options, register_function
from .map_counts import MapCounts, MapPlan
from .map_request import make_lines
from .map_runs import RunMap
from .process import open_log
from .run_request import RunRequest
from .sources import FunctionSource
from .stores import open_shared_store, read_run

_STOPPING = 90.0  # seconds for runs that were stopped; their pods have 60
_NOT_RUN = "NOT RUN"  # state of an index that its Job has never run


def start_cluster_map(
    source: FunctionSource, request: RunRequest, params_list: Iterable[Mapping[str, Any]], options: dict[str, Any],
    *, ordered: bool, check: bool,
) -> RunMap:  # fmt: skip
    """Start a Job with an index for each mapping of parameters, over those of the request.

    Errors: SettingsError, ArgumentsError; the builder's own, of what the cluster refuses.
    """
    shared = make_plain_values(request.parameters)
    lines = [{**shared, **line} for line in make_lines(params_list)]
    _check_names(source, lines, request)
    values = {**make_options(replace(request, parameters={}), options), "lines": lines,
              "parallelism": request.settings.parallel}  # fmt: skip
    store = open_shared_store(request.settings, request.environ)
    plan = MapPlan(source.text, len(lines), ordered, check, 0.0)
    if not lines:
        return RunMap(MapCountsOfNone(plan))
    with create_job(source, request.environ, values) as job:
        try:
            recorder = IndexRecorder(store, register_function(store, source, request), request, job, lines)
            return RunMap(ClusterMapReader(recorder, plan))
        except BaseException:
            with contextlib.suppress(OvenbirdError):  # what has happened before tells more
                job.stop()
            raise


def _check_names(source: FunctionSource, lines: list[dict[str, Any]], request: RunRequest) -> None:
    """Raise ArgumentsError for names that the function does not have, where that is known without a run."""
    for number, line in enumerate(lines, 1):
        try:
            source.check_names(line, request.settings.input)
        except ArgumentsError as error:
            raise ArgumentsError(f"run {number}: {error.message}", hint=error.hint) from None


class MapCountsOfNone(MapCounts):
    """The reader of a map without runs."""

    def read_runs(self) -> Iterator[Run]:
        """Yield nothing."""
        return iter(())

    def close(self) -> None:
        """Do nothing."""

    interrupt = close


class IndexRecorder:
    """Records the runs of a Job in the store of this process, each when it has ended."""

    def __init__(
        self, store: EntityStore, function: FunctionRevision, request: RunRequest, job: Any, lines: list[dict[str, Any]]
    ) -> None:  # fmt: skip
        self._store, self._function, self._request, self._lines = store, function, request, lines
        self.job = job

    def record(self, end: Mapping[str, Any], *, is_stopped: bool) -> str:
        """Record the run of an index, with its log, and return its key."""
        environ = self._request.environ
        record = create_record(self._store, self._function, self._request, self.job, self._lines[end["index"]])
        record["status"]["cluster"]["index"] = end["index"]
        run = Run(self._store, record, environ)
        run._began = time.monotonic() - end["seconds"]
        if end["pod"]:
            with open_log(self._store, run.project, run.id) as log:
                os.write(log, self.job.read_log(end["pod"]).encode())
        if end["state"] == _NOT_RUN:
            end = {**end, "state": "ERROR", "error": f"NotRun: the Job has ended before: {end['error']}"}
        finish_run(run, end, is_stopped=is_stopped)
        return run.key

    def read(self, key: str) -> Run:
        """Return a run as it is recorded."""
        return read_run(self._store, key, self._request.environ)


class ClusterMapReader(MapCounts):
    """Reads the runs of a Job as they end, by a thread that follows it, and deletes the Job where that is asked for."""

    def __init__(self, recorder: IndexRecorder, plan: MapPlan) -> None:
        super().__init__(plan)
        self._recorder = recorder
        self._ended: queue.Queue[tuple[int, str] | Exception | None] = queue.Queue()
        self._count_left = plan.total
        self._owner, self._is_closed = os.getpid(), False
        self._has_ended = threading.Event()
        threading.Thread(target=self._follow, name=f"ovenbird-cluster-{recorder.job.name}", daemon=True).start()

    def read_runs(self) -> Iterator[Run]:
        """Yield the runs. Errors: RunFailedError after the last one; the builder's own, of a Job that is lost."""
        ended: dict[int, str] = {}
        following = 0
        while self.count_read < self.plan.total:
            try:
                item = self._ended.get(timeout=1)  # no longer, as in `wait_for_event`
            except queue.Empty:
                continue
            if isinstance(item, Exception):
                raise item
            if item is None:
                raise OvenbirdError(f"{self.plan.total - self.count_read} runs have no end: the Job was deleted")
            index, key = item
            ended[index] = key
            if not self.plan.ordered:
                following = index
            while following in ended:
                yield self.count(self._recorder.read(ended.pop(following)))
                following += 1
        self.check()

    def close(self) -> None:
        """Delete the Job, unless it has ended, and wait until nothing of it is followed any more."""
        if self._is_closed or os.getpid() != self._owner:
            return
        self._is_closed = True
        if self._count_left and not self._has_ended.is_set():
            self._recorder.job.stop()
            self._has_ended.wait(_STOPPING)

    interrupt = close

    def _follow(self) -> None:
        try:
            self._recorder.job.follow_indexes(self._take)
            self._has_ended.set()
            self._ended.put(None)
        except Exception as error:  # it is raised where the runs are read
            self._has_ended.set()
            self._ended.put(None if self._is_closed else error)

    def _take(self, end: Mapping[str, Any]) -> None:
        key = self._recorder.record(end, is_stopped=self._is_closed)
        self._count_left -= 1
        self._ended.put((end["index"], key))
