"""A Job and its pods, as they change, also while the API server is away for a time."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

from msgspec import Struct

from ..errors import ClusterError, CredentialsError, ObjectMissingError, PodLostError
from . import pod_status
from .kubectl import OUTAGES, Kubectl
from .pod_feed import PodFeed

Document = dict[str, Any]

_QUIET = 10.0  # seconds between two looks at the Job while its pods run, and the watch would tell
_BUSY = 1.0  # the same while something is about to happen: no pod, a pod that has ended, no watch
_PATIENCE = 300.0  # seconds for an API server that does not answer
# what a condition of a Job means; the second of each pair comes a moment earlier
_OUTCOMES = {"Complete": "Complete", "SuccessCriteriaMet": "Complete", "Failed": "Failed", "FailureTarget": "Failed"}
_MOST_WAITED = 0.5  # seconds in which Ctrl-C is not heard on some systems


class JobState(Struct, frozen=True):
    """A Job with its pods, by their uid in the order in which they were made, and those that were deleted.

    `is_current` is False while the API server does not answer: then all may have changed.
    """

    job: Document
    pods: dict[str, Document]
    deleted: dict[str, Document]
    is_current: bool = True

    @property
    def outcome(self) -> str:
        """Return `Complete` or `Failed`, or empty while it goes on."""
        for condition in (self.job.get("status") or {}).get("conditions") or ():
            if condition.get("status") == "True" and condition.get("type") in _OUTCOMES:
                return _OUTCOMES[condition["type"]]
        return ""

    @property
    def has_begun(self) -> bool:
        """Return whether a container may have begun; that of a pod which was deleted may."""
        status = self.job.get("status") or {}
        counts = ("ready", "succeeded", "failed", "completedIndexes", "failedIndexes")
        is_counted = any(status.get(name) for name in counts)
        return is_counted or bool(self.deleted) or any(pod_status.has_begun(pod) for pod in self.pods.values())

    @property
    def is_over(self) -> bool:
        """Return whether the Job has ended with all its pods."""
        conditions = (self.job.get("status") or {}).get("conditions") or ()
        return any(c.get("status") == "True" and c.get("type") in ("Complete", "Failed") for c in conditions)

    @property
    def reason(self) -> str:
        """Return why it has failed, as Kubernetes names it."""
        conditions = (self.job.get("status") or {}).get("conditions") or ()
        return next(
            (str(c.get("reason") or "") for c in conditions if c.get("type") in ("Failed", "FailureTarget")), ""
        )


class JobWatch:
    """Yields the state of a Job again and again: at each change of its pods, and every few seconds.

    `note` gets what people should know. Errors of `watch_states`: PodLostError where the Job was deleted;
    ClusterUnreachableError or CredentialsError after minutes without an answer; ClusterAccessError.
    """

    def __init__(self, kubectl: Kubectl, name: str, note: Callable[[str], object], patience: float = _PATIENCE) -> None:
        self._kubectl, self._name, self._note, self._patience = kubectl, name, note, patience
        self._pods: dict[str, Document] = {}
        self._deleted: dict[str, Document] = {}
        self._job: Document = {}
        self._is_watched = False
        self._answered = monotonic()
        self._is_away = False

    def watch_states(self) -> Iterator[JobState]:
        """Yield states until whoever reads them has seen enough."""
        feed = PodFeed(self._kubectl, f"job-name={self._name}")
        try:
            due = tick = 0.0
            while True:
                if monotonic() >= due:
                    self._look()
                    due = monotonic() + (_QUIET if self._is_quiet() else _BUSY)
                elif self._take_changes(feed, min(due, tick)):
                    due = min(due, monotonic() + (_QUIET if self._is_quiet() else 0.1))
                elif monotonic() < tick:
                    continue
                yield self._make_state()
                tick = monotonic() + _BUSY  # for time limits, and a stdout that is closed
        finally:
            feed.close()

    def _make_state(self) -> JobState:
        pods = dict(sorted(self._pods.items(), key=lambda item: str(item[1]["metadata"].get("creationTimestamp"))))
        return JobState(self._job, pods, dict(self._deleted), not self._is_away)

    def _is_quiet(self) -> bool:
        """Return whether the watch tells what comes next, so that the Job need not be looked at."""
        has_active = any(not pod_status.has_ended(pod) for pod in self._pods.values())
        return self._is_watched and not self._is_away and has_active

    def _take_changes(self, feed: PodFeed, due: float) -> bool:
        """Take the changes of pods that have come, or wait for one; return whether there are any."""
        try:
            change = feed.changes.get(timeout=min(_MOST_WAITED, max(0.0, due - monotonic())))
        except queue.Empty:
            return False
        while True:
            if change.pod is None:
                self._is_watched = False
            else:
                self._is_watched = True
                self._note_answer()
                self._put(change.pod, is_deleted=change.is_deleted)
            try:
                change = feed.changes.get_nowait()
            except queue.Empty:
                return True

    def _put(self, pod: Document, *, is_deleted: bool) -> None:
        uid = pod["metadata"]["uid"]
        if is_deleted:
            self._pods.pop(uid, None)
            self._deleted[uid] = pod
        elif uid not in self._deleted:
            self._pods[uid] = pod

    def _look(self) -> None:
        """Read the Job, and its pods where no watch tells of them, or may tell too late."""
        try:
            self._job = self._kubectl.get("job", self._name)
            if not self._is_watched or self._make_state().is_over:
                pods = self._kubectl.list_items("pods", "-l", f"job-name={self._name}")
                uids = {pod["metadata"]["uid"] for pod in pods}
                for uid in set(self._pods) - uids:
                    self._put(self._pods[uid], is_deleted=True)
                for pod in pods:
                    self._put(pod, is_deleted=False)
            self._note_answer()
        except OUTAGES as error:
            self._tolerate_outage(error)
        except ObjectMissingError:
            raise PodLostError(
                f"job {self._name} is not there any more: it was deleted, or its time to live is over"
            ) from None

    def _note_answer(self) -> None:
        self._answered = monotonic()
        if self._is_away:
            self._is_away = False
            self._note("the API server answers again")

    def _tolerate_outage(self, error: ClusterError) -> None:
        """Go on without an answer for a time. Errors: ClusterUnreachableError, CredentialsError."""
        if monotonic() - self._answered > self._patience:
            raise error
        if not self._is_away:
            self._is_away = True
            problem = "cannot be asked" if isinstance(error, CredentialsError) else "does not answer"
            self._note(f"the API server {problem}, and is asked again: {error.message}")
