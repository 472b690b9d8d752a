"""Pods that do not run yet: say why, and decide when that will not change by itself."""

from __future__ import annotations

from time import monotonic
from typing import Any

from ..errors import ClusterError
from . import pod_status
from .job_watch import JobState
from .kubectl import Kubectl
from .run_view import RunView

Document = dict[str, Any]

_EVENTS_AFTER = 2.0  # seconds of waiting until events are asked for
_EVENTS_PAUSE = 3.0  # seconds between two such questions


class StartWatch:
    """What a pod, or a Job without one, waits for. `limit` is in seconds for the whole wait; 0 is none."""

    def __init__(self, kubectl: Kubectl, view: RunView, limit: float = 0.0) -> None:
        self._kubectl, self._view, self._limit = kubectl, view, limit
        self._began = monotonic()
        self._asked = 0.0
        self._events: list[Document] = []
        self._fault: tuple[type[ClusterError], float] | None = None
        self._fault_began = 0.0

    def restart(self) -> None:
        """Begin anew, for another pod."""
        self._began, self._fault, self._events = monotonic(), None, []

    def check(self, state: JobState, pod: Document | None, job: str) -> None:
        """Say why a pod of a Job waits, or the Job for one; nothing is decided while the API server is away.

        Errors: as of `check_pod`, with `has_begun` of the Job.
        """
        if not state.is_current:
            return
        title = f"pod {pod['metadata']['name']}" if pod else f"job {job}"
        try:
            self.check_pod(pod, f"Job/{job}", title)
        except ClusterError as error:
            error.has_begun = state.has_begun
            raise

    def check_pod(self, pod: Document | None, owner: str, title: str) -> None:
        """Say why a pod waits; `owner` is the `Kind/name` of what makes it, `title` what people call it.

        Errors: ClusterError and its subclasses for what does not get better.
        """
        wait = pod_status.describe_wait(pod, self._read_events(pod, owner))
        self._view.say("waiting", f"{title}: {wait.text}")
        now = monotonic()
        if (wait.error, wait.patience) != self._fault:
            self._fault, self._fault_began = (wait.error, wait.patience), now
        if now - self._fault_began >= wait.patience:
            raise wait.error(wait.text)
        if self._limit and now - self._began > self._limit:
            raise wait.error(f"it does not run after {self._limit:g} s: {wait.text}")

    def _read_events(self, pod: Document | None, owner: str) -> list[Document]:
        """Return the events of the pod or its owner, where it waits for longer than usual."""
        now = monotonic()
        if now - self._began < _EVENTS_AFTER or now - self._asked < _EVENTS_PAUSE:
            return self._events
        self._asked = now
        kind, _, name = ("Pod", "", pod["metadata"]["name"]) if pod else owner.partition("/")
        selector = f"involvedObject.kind={kind},involvedObject.name={name}"
        try:
            self._events = self._kubectl.list_items("events", "--field-selector", selector)
        except ClusterError:  # no right to read events, or no answer: the pod itself says the most
            self._events = []
        return self._events
