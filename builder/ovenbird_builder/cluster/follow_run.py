"""Follow one run in a cluster: why it waits, its log, how it has ended."""

from __future__ import annotations

from typing import Any

from ..errors import ClusterError, PodLostError
from . import pod_status
from .job_watch import JobState, JobWatch
from .kubectl import Kubectl
from .log_stream import LogStream
from .run_end import RunEnd, read_end
from .run_view import RunView
from .start_watch import StartWatch

Document = dict[str, Any]

_LAST_LINES = 60.0  # seconds for what is left of the log, once the container has ended


def follow_run(kubectl: Kubectl, name: str, view: RunView, *, start_limit: float = 0.0) -> RunEnd:
    """Show what happens to a run until it has ended, and return its end.

    `start_limit` is in seconds for the time until it runs; 0 is none. Errors: ClusterError and its subclasses for a
    run that does not start, is lost, or cannot be followed; OSError where stdout cannot be written to.
    """
    follower = _RunFollower(kubectl, name, view, start_limit)
    try:
        for state in JobWatch(kubectl, name, view.note).watch_states():
            if end := follower.take(state):
                return end
    finally:
        follower.close()
    raise AssertionError("a watch does not end by itself")


class _RunFollower:
    def __init__(self, kubectl: Kubectl, name: str, view: RunView, start_limit: float) -> None:
        self._kubectl, self._name, self._view = kubectl, name, view
        self._start = StartWatch(kubectl, view, start_limit)
        self._log: LogStream | None = None
        self._uid = ""  # of the pod whose log is read
        self._reported: set[str] = set()  # uids of pods whose loss was reported

    def take(self, state: JobState) -> RunEnd | None:
        """Show a state; return the end of the run, if that is one. Errors: as of `follow_run`."""
        if self._log and self._log.failure:
            raise self._log.failure
        pod = next(reversed(state.pods.values()), None)
        if pod and pod_status.is_running(pod):
            self._read_log(pod)
        if end := self._find_end(state, pod):
            return end
        if state.outcome == "Failed":
            raise self._explain_failure(state, pod)
        if state.is_over:
            return self._report_missing_pod()
        if pod is None or not (pod_status.is_running(pod) or pod_status.has_ended(pod)):
            self._report_losses(state)
            self._start.check(state, pod, self._name)
        return None

    def close(self) -> None:
        """Stop reading the log."""
        if self._log:
            self._log.stop()

    def _read_log(self, pod: Document) -> None:
        """Begin to read the log of a pod; that of the one before is read to its end."""
        if pod["metadata"]["uid"] == self._uid:
            return
        self._finish_log()
        self._uid = pod["metadata"]["uid"]
        name = pod["metadata"]["name"]
        self._view.say("running", f"pod {name} on {pod['spec'].get('nodeName') or 'a node'}")
        self._start.restart()
        self._log = LogStream(self._kubectl, name, self._view.write_log, self._view.note)

    def _finish_log(self) -> None:
        if self._log:
            if not self._log.finish(_LAST_LINES):
                self._view.note("the end of the log could not be read in time")
            self._log.stop()
            if self._log.failure:
                raise self._log.failure

    def _find_end(self, state: JobState, pod: Document | None) -> RunEnd | None:
        """Return the end of a run that has ended by itself: well, or with no further attempt."""
        pod = pod or next(reversed(state.deleted.values()), None)
        end = pod_status.find_end(pod) if pod else None
        if pod is None or end is None or pod_status.find_loss(pod):
            return None
        if end.exit_code == 0 or state.outcome == "Failed":
            self._finish_log()
            return read_end(pod, end)
        if state.job.get("spec", {}).get("backoffLimit"):
            self._finish_log()
            self._view.say("ended", f"pod {pod['metadata']['name']} with exit status {end.exit_code}")
        return None

    def _report_missing_pod(self) -> RunEnd:
        """Return the end of a run that is complete, of which no pod tells any more."""
        self._finish_log()
        self._view.note("its pod is gone: no results")
        return RunEnd("COMPLETED", 0, "", 0.0)

    def _report_losses(self, state: JobState) -> None:
        """Say which pods were lost, as another one is made in their place."""
        for uid, pod in (*state.deleted.items(), *state.pods.items()):
            loss = pod_status.find_loss(pod, is_deleted=uid in state.deleted)
            if loss and uid not in self._reported:
                self._reported.add(uid)
                self._view.note(f"{loss.message}; it is made again")
                self._start.restart()

    def _explain_failure(self, state: JobState, pod: Document | None) -> ClusterError:
        """Return the error of a run whose pod did not end by itself."""
        self._finish_log()
        last = pod or next(reversed(state.deleted.values()), None)
        if last is None:
            return PodLostError(f"job {self._name} has failed without a pod: {state.reason}")
        is_deleted = last["metadata"]["uid"] in state.deleted
        return pod_status.find_loss(last, is_deleted=is_deleted) or PodLostError(
            f"job {self._name} has failed: {state.reason}"
        )
