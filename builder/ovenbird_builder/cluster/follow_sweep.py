"""Follow the runs of `--each` in a cluster: a line for each index that has ended, and how all have ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from ovenbird.common.redact import mask_parameters

from ..errors import ClusterError, PodLostError
from . import pod_status
from .job_watch import JobState, JobWatch
from .kubectl import Kubectl
from .run_end import RunEnd, read_end
from .run_view import RunView
from .start_watch import StartWatch

Document = dict[str, Any]

NOT_RUN = "NOT RUN"
_EACH = "each"  # the volume with the lines


class IndexEnd(Struct, frozen=True):
    """The end of the run of one index, with the parameters of its line; secrets in these are masked."""

    index: int
    parameters: dict[str, Any]
    end: RunEnd

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {"index": self.index, "parameters": self.parameters, **self.end.to_dict()}


def follow_sweep(
    kubectl: Kubectl, name: str, view: RunView, emit: Callable[[IndexEnd], object], *, start_limit: float = 0.0
) -> list[IndexEnd]:  # fmt: skip
    """Show each index that ends, hand it to `emit`, and return all of them once the Job has ended.

    Errors: as of `follow_run`; what an index has failed with is no error.
    """
    follower: _SweepFollower | None = None
    for state in JobWatch(kubectl, name, view.note).watch_states():
        if not state.job:
            continue
        follower = follower or _SweepFollower(kubectl, state.job, view, emit, StartWatch(kubectl, view, start_limit))
        if follower.take(state):
            return [follower.ends[index] for index in sorted(follower.ends)]
    raise AssertionError("a watch does not end by itself")


class _SweepFollower:
    """Collects the ends of the indexes of one Job."""

    def __init__(
        self, kubectl: Kubectl, job: Document, view: RunView, emit: Callable[[IndexEnd], object], start: StartWatch
    ) -> None:  # fmt: skip
        self._name, self._view, self._emit, self._start = job["metadata"]["name"], view, emit, start
        self._count = int(job["spec"].get("completions") or 1)
        self._lines = _read_lines(kubectl, job)
        self.ends: dict[int, IndexEnd] = {}

    def take(self, state: JobState) -> bool:
        """Take a state; return whether all have ended. Errors: ClusterError for pods that do not start."""
        latest = _find_latest(state)
        completed, failed = (_read_indexes(state.job, name) for name in ("completedIndexes", "failedIndexes"))
        for index, (pod, is_deleted) in latest.items():
            is_last = index in failed or (state.is_over and index not in completed)
            if index not in self.ends and (end := _find_end(pod, is_deleted, is_last=is_last)):
                self._put(index, end)
        if state.is_over:
            self._put_missing(state, completed, failed)
            return True
        waiting = [pod for index, (pod, _) in latest.items() if index not in self.ends]
        if not any(pod_status.is_running(pod) for pod in waiting) and len(self.ends) < self._count:
            self._start.check(state, next(iter(waiting), None), self._name)
        else:
            self._start.restart()
        return len(self.ends) >= self._count

    def _put_missing(self, state: JobState, completed: set[int], failed: set[int]) -> None:
        """Put the ends of indexes of which no pod tells: as the Job has them, else they have not run."""
        missing = sorted(set(range(self._count)) - set(self.ends))
        for index in missing:
            if index in completed or (state.outcome == "Complete" and index not in failed):
                self._put(index, RunEnd("COMPLETED", 0, "", 0.0))
            elif index in failed:
                message = "its pod is gone: the reason is not known"
                self._put(index, RunEnd("ERROR", PodLostError.exit_code, "", 0.0, message=message))
            else:
                self._put(index, RunEnd(NOT_RUN, PodLostError.exit_code, "", 0.0, message=state.reason))
        if gone := [index for index in missing if self.ends[index].end.state == "COMPLETED"]:
            self._view.note(f"pods of {len(gone)} completed indexes are gone: their results are not known")

    def _put(self, index: int, end: RunEnd) -> None:
        parameters = self._lines[index] if index < len(self._lines) else {}
        self.ends[index] = IndexEnd(index, parameters, end)
        done = f"({len(self.ends)} of {self._count})"
        self._view.say("index", f"{index}: {end.describe()}{describe_failure(end)}   {done}")
        self._emit(self.ends[index])


def describe_failure(end: RunEnd) -> str:
    """Return the exit status of a run that has failed, and the first line of its message."""
    if not end.exit_code:
        return ""
    first = end.message.partition("\n")[0]
    return f"   exit status {end.exit_code}{first and f': {first}'}"


def parse_indexes(text: str) -> Iterator[int]:
    """Yield the numbers of `1,3-5,7`, as Kubernetes writes them."""
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def _read_indexes(job: Document, field: str) -> set[int]:
    return set(parse_indexes(str((job.get("status") or {}).get(field) or "")))


def _find_latest(state: JobState) -> dict[int, tuple[Document, bool]]:
    """Return the newest pod of each index, and whether it was deleted; one that is there before one that was."""
    latest: dict[int, tuple[Document, bool]] = {}
    for pods, is_deleted in ((state.deleted, True), (state.pods, False)):
        for pod in pods.values():
            index = pod_status.get_index(pod)
            if index is not None:
                latest[index] = (pod, is_deleted)
    return latest


def _find_end(pod: Document, is_deleted: bool, *, is_last: bool) -> RunEnd | None:
    """Return the end of an index by its newest pod; `is_last`: there is no further attempt."""
    end = pod_status.find_end(pod)
    if end and end.exit_code == 0:
        return read_end(pod, end)
    if not is_last:
        return None
    if loss := pod_status.find_loss(pod, is_deleted=is_deleted):
        return _make_loss(pod, loss)
    return read_end(pod, end) if end else None


def _make_loss(pod: Document, loss: ClusterError) -> RunEnd:
    end = pod_status.find_end(pod)
    return RunEnd("ERROR", loss.exit_code, pod["metadata"]["name"], end.seconds if end else 0.0, message=loss.message)


def _read_lines(kubectl: Kubectl, job: Document) -> list[dict[str, Any]]:
    """Return the parameters of each index, masked; nothing where they cannot be read."""
    volumes = job["spec"]["template"]["spec"].get("volumes") or ()
    name = next((item["configMap"]["name"] for item in volumes if item["name"] == _EACH and "configMap" in item), "")
    if not name:
        return []
    try:
        (text,) = kubectl.get("configmap", name)["data"].values()
        return [mask_parameters(json.loads(line)) for line in text.split("\n") if line.strip()]
    except (ClusterError, ValueError, KeyError, AttributeError):
        return []
