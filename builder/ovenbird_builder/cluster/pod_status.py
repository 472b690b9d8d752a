"""What a pod says of itself: why it waits, how its container has ended, why it was lost."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from ovenbird.common.text import cut_text, escape_controls

from ..errors import (
    ClusterError,
    ImagePullError,
    OutOfMemoryError,
    PodLostError,
    PodRefusedError,
    PodStartError,
    QuotaError,
)
from ..kubernetes.pod import CONTAINER

Document = Mapping[str, Any]

_IMAGE_REASONS = ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "RegistryUnavailable", "ImageInspectError")
_INDEX = "batch.kubernetes.io/job-completion-index"
_PASSING = 30.0  # seconds for what may be a passing fault: a registry that is busy, a Secret that is made now
_LONGEST = 300  # characters of a reason in a line


class Wait(Struct, frozen=True):
    """Why a pod does not run yet. `error` is raised when it stays so for `patience` seconds; by default it may."""

    text: str
    error: type[ClusterError] = PodStartError
    patience: float = math.inf


class ContainerEnd(Struct, frozen=True):
    """How the container of a function has ended; times are the node's, as text."""

    exit_code: int
    reason: str
    message: str
    started: str
    finished: str

    @property
    def seconds(self) -> float:
        """Return how long it ran, by the clock of its node; 0 where that is unknown."""
        return measure_seconds(self.started, self.finished)


def measure_seconds(start: str, end: str) -> float:
    """Return the seconds between two times of Kubernetes; 0 where one is missing or they are the wrong way round."""
    try:
        return max(0.0, (_parse_time(end) - _parse_time(start)).total_seconds())
    except ValueError:
        return 0.0


def _parse_time(text: str) -> datetime:
    return datetime.fromisoformat(re.sub(r"\.\d+", "", text).replace("Z", "+00:00"))


def get_index(pod: Document) -> int | None:
    """Return the index of the line that a pod of `--each` runs; None for another pod."""
    text = (pod["metadata"].get("annotations") or {}).get(_INDEX, "")
    return int(text) if text.isdecimal() else None


def is_running(pod: Document) -> bool:
    """Return whether the container has begun, and so has a log; it may have ended."""
    state = _get_container(pod).get("state") or {}
    return "running" in state or "terminated" in state


def has_begun(pod: Document) -> bool:
    """Return whether a container of the pod has ever begun, as far as is known."""
    container, phase = _get_container(pod), (pod.get("status") or {}).get("phase")
    is_again = bool(container.get("restartCount") or (container.get("lastState") or {}).get("terminated"))
    return is_again or is_running(pod) or phase in ("Running", "Succeeded", "Failed")


def is_ready(pod: Document) -> bool:
    """Return whether a pod takes calls."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def find_end(pod: Document) -> ContainerEnd | None:
    """Return how the container has ended, or None."""
    end = (_get_container(pod).get("state") or {}).get("terminated")
    if not end:
        return None
    return ContainerEnd(
        int(end.get("exitCode", 1)), end.get("reason") or "", end.get("message") or "",
        end.get("startedAt") or "", end.get("finishedAt") or "",
    )  # fmt: skip


def has_ended(pod: Document) -> bool:
    """Return whether nothing of the pod runs any more."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def describe_wait(pod: Document | None, events: Iterable[Document] = ()) -> Wait:
    """Return why a pod does not run yet; None is a pod that is not there. `events` are those of the pod or its Job."""
    warnings = [event for event in events if event.get("type") == "Warning"]
    if pod is None:
        return _describe_missing(warnings)
    waiting = (_get_container(pod).get("state") or {}).get("waiting") or {}
    reason, message = waiting.get("reason") or "", clean_text(waiting.get("message") or "")
    if reason in _IMAGE_REASONS:
        return Wait(f"the image cannot be pulled: {message or reason}", ImagePullError, _PASSING)
    if reason == "InvalidImageName":
        return Wait(f"the image cannot be pulled: {message or reason}", ImagePullError, 0)
    if reason in ("CreateContainerConfigError", "CreateContainerError", "RunContainerError"):
        return Wait(f"the container cannot be made: {message or reason}", PodStartError, _PASSING)
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return Wait(f"no node takes the pod: {clean_text(condition.get('message') or '') or 'not scheduled yet'}")
    return _describe_creating(warnings, is_scheduled=bool((pod.get("spec") or {}).get("nodeName")))


def _describe_missing(warnings: list[Document]) -> Wait:
    for event in reversed(warnings):
        text = clean_text(event.get("message") or "")
        if event.get("reason") == "FailedCreate" and "exceeded quota" in text:
            return Wait(f"the quota of the namespace leaves no room: {text}", QuotaError)
        if event.get("reason") == "FailedCreate":
            if "forbidden" in text:
                return Wait(f"the pod is refused: {text}", PodRefusedError, 0)
            return Wait(f"the pod cannot be made: {text}", PodStartError, _PASSING)
    return Wait("the pod is being made")


def _describe_creating(warnings: list[Document], *, is_scheduled: bool) -> Wait:
    for event in reversed(warnings):
        if event.get("reason") in ("FailedMount", "FailedAttachVolume"):
            return Wait(
                f"a volume cannot be mounted: {clean_text(event.get('message') or '')}", PodStartError, _PASSING
            )
        if event.get("reason") in ("FailedCreatePodSandBox", "NetworkNotReady"):
            return Wait(
                f"the node cannot start the pod: {clean_text(event.get('message') or '')}", PodStartError, _PASSING
            )
    return Wait("pulling the image, mounting volumes" if is_scheduled else "looking for a node")


def find_loss(pod: Document, *, is_deleted: bool = False) -> ClusterError | None:
    """Return the error of a pod that did not end by itself: killed for memory, evicted, deleted, on a lost node.

    None for one that did, or that runs.
    """
    status, name = pod.get("status") or {}, pod["metadata"]["name"]
    end = find_end(pod)
    if end and end.exit_code == 0:  # what happened to the pod after that, or at the same time, has done no harm
        return None
    if end and end.reason == "OOMKilled":
        limit = _find_memory_limit(pod)
        return OutOfMemoryError(
            f"pod {name} was killed: it needed more memory than its limit{limit and f' of {limit}'}",
            hint="`--mem` gives it more",
        )
    if status.get("reason") == "Evicted":
        return PodLostError(
            f"pod {name} was evicted: {clean_text(status.get('message') or '') or 'its node needs room'}"
        )
    for condition in status.get("conditions") or ():
        if condition.get("type") == "DisruptionTarget" and condition.get("status") == "True":
            why = clean_text(condition.get("message") or condition.get("reason") or "")
            return PodLostError(f"pod {name} was taken away: {why}")
    node = (pod.get("spec") or {}).get("nodeName") or ""
    if status.get("reason") == "NodeLost" or (is_deleted and end is None and node and not has_ended(pod)):
        return PodLostError(f"pod {name} was deleted, or its node {node} has vanished, before the run had ended")
    if is_deleted or pod["metadata"].get("deletionTimestamp"):
        return PodLostError(f"pod {name} was deleted before the run had ended")
    return None


def clean_text(text: str) -> str:
    """Return text of the cluster as one line of bounded length."""
    return cut_text(escape_controls(" ".join(text.split())), _LONGEST)


def _get_container(pod: Document) -> Document:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return next((status for status in statuses if status.get("name") == CONTAINER), {})


def _find_memory_limit(pod: Document) -> str:
    containers = (pod.get("spec") or {}).get("containers") or ()
    limits = [((item.get("resources") or {}).get("limits") or {}).get("memory") for item in containers]
    return next((limit for limit in limits if limit), "")
