"""What a pod says of itself, in words and as errors."""

from __future__ import annotations

import math
from typing import Any

import pytest

from ovenbird_builder import errors
from ovenbird_builder.cluster import pod_status

from .conftest import make_pod, make_state

UNSCHEDULED = [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available: 3 Insufficient cpu."}]
DISRUPTED = [
    {"type": "DisruptionTarget", "status": "True", "message": "Taint manager: deleting due to NoExecute taint"}
]


def warn(reason: str, message: str) -> dict[str, Any]:
    """Return an event."""
    return {"type": "Warning", "reason": reason, "message": message}


@pytest.mark.parametrize(
    ("status", "events", "part", "error", "patience"),
    [
        ({"conditions": UNSCHEDULED}, [], "no node takes the pod: 0/3 nodes", errors.PodStartError, math.inf),
        ({"containerStatuses": make_state(waiting={"reason": "ImagePullBackOff", "message": "not found"})}, [],
         "the image cannot be pulled: not found", errors.ImagePullError, 30),
        ({"containerStatuses": make_state(waiting={"reason": "InvalidImageName"})}, [], "cannot be pulled",
         errors.ImagePullError, 0),
        ({"containerStatuses": make_state(waiting={"reason": "CreateContainerConfigError", "message": "secret x"})}, [],
         "the container cannot be made: secret x", errors.PodStartError, 30),
        ({"containerStatuses": make_state(waiting={"reason": "ContainerCreating"})},
         [warn("FailedMount", "configmap \"each\" not\nfound")], "a volume cannot be mounted: configmap",
         errors.PodStartError, 30),
        (None, [warn("FailedCreate", "pods is forbidden: exceeded quota: small")], "the quota of the namespace",
         errors.QuotaError, math.inf),
        (None, [warn("FailedCreate", "pods is forbidden: violates PodSecurity")], "the pod is refused",
         errors.PodRefusedError, 0),
        (None, [], "the pod is being made", errors.PodStartError, math.inf),
    ],
    ids=["node", "image", "name", "secret", "volume", "quota", "policy", "new"],
)  # fmt: skip
def test_why_a_pod_waits(
    status: dict[str, Any] | None, events: list[Any], part: str, error: type[Exception], patience: float
) -> None:
    """One line that names the cause, and what becomes of it when it stays."""
    wait = pod_status.describe_wait(None if status is None else make_pod(**status), events)
    assert wait.text.startswith(part) or part in wait.text
    assert "\n" not in wait.text
    assert (wait.error, wait.patience) == (error, patience)


@pytest.mark.parametrize(
    ("status", "is_deleted", "error", "part"),
    [
        ({"containerStatuses": make_state(terminated={"exitCode": 137, "reason": "OOMKilled"})}, False,
         errors.OutOfMemoryError, "more memory than its limit of 64Mi"),
        ({"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}, False,
         errors.PodLostError, "was evicted: The node was low"),
        ({"phase": "Running", "conditions": DISRUPTED}, True, errors.PodLostError, "taken away: Taint manager"),
        ({"phase": "Running", "containerStatuses": make_state(running={})}, True, errors.PodLostError,
         "its node node1 has vanished"),
        ({"phase": "Failed", "containerStatuses": make_state(terminated={"exitCode": 143})}, True,
         errors.PodLostError, "was deleted before"),
    ],
    ids=["memory", "evicted", "taint", "node", "deleted"],
)  # fmt: skip
def test_why_a_pod_was_lost(status: dict[str, Any], is_deleted: bool, error: type[Exception], part: str) -> None:
    """Each way to end that is not the function's own."""
    loss = pod_status.find_loss(make_pod(**status), is_deleted=is_deleted)
    assert type(loss) is error
    assert part in str(loss)


def test_a_pod_that_ended_by_itself_is_not_lost() -> None:
    """Well or not, also where it was to be taken away; its time is that of its node's clock, which may go back."""
    for code in (0, 74):
        ended = {"exitCode": code, "startedAt": "2026-11-29T11:00:09Z", "finishedAt": "2026-11-29T11:00:05Z"}
        pod = make_pod(phase="Failed", containerStatuses=make_state(terminated=ended))
        assert pod_status.find_loss(pod) is None
        pod["status"]["conditions"] = DISRUPTED
        assert (pod_status.find_loss(pod) is None) == (code == 0)
        end = pod_status.find_end(pod)
        assert end
        assert (end.exit_code, end.seconds) == (code, 0.0)
