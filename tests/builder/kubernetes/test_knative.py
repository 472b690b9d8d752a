"""Knative takes part of a pod only: what it refuses is left out, and what it calls otherwise is translated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .conftest import Made, pod_of

# what the webhook of Knative takes without a feature flag of its administrator
POD = {
    "automountServiceAccountToken", "enableServiceLinks", "containers", "volumes", "serviceAccountName",
    "imagePullSecrets", "timeoutSeconds", "containerConcurrency",
}  # fmt: skip
CONTAINER = {
    "name", "image", "args", "imagePullPolicy", "terminationMessagePolicy",
    "env", "resources", "ports", "readinessProbe", "livenessProbe",
    "securityContext", "volumeMounts",
}  # fmt: skip
SECURITY = {
    "allowPrivilegeEscalation", "capabilities", "readOnlyRootFilesystem", "runAsNonRoot", "runAsUser", "runAsGroup",
    "seccompProfile",
}  # fmt: skip


def annotations(made: Made) -> dict[str, Any]:
    found: dict[str, Any] = pod_of(made["Service"])["metadata"]["annotations"]
    return found


def test_only_what_knative_takes(make: Callable[..., Made]) -> None:
    """No security context of the pod, no startup probe, no time to end; the container has the least of rights."""
    made = make(
        "--knative", "--service-account", "a", "--pull-secret", "b", "--cpu", "1", "--env", "OVENBIRD_CONCURRENCY=4",
        "--volume", "pvc:data:/data",
    )  # fmt: skip
    assert made.kinds == ["Service"]
    assert made["Service"]["apiVersion"] == "serving.knative.dev/v1"
    assert set(made.pod) == POD
    assert set(made.container) == CONTAINER
    assert set(made.container["securityContext"]) == SECURITY
    assert made.container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert made.container["ports"] == [{"name": "http1", "containerPort": 8080, "protocol": "TCP"}]
    for probe, path in (("readinessProbe", "/_/ready"), ("livenessProbe", "/_/live")):
        assert made.container[probe]["httpGet"] == {"path": path, "port": 0}
    assert not {"runAsUser", "fsGroup"} & set(made.pod)


def test_times_and_numbers(make: Callable[..., Made]) -> None:
    """The time limit of a call, calls at once, time to start, pods: each as Knative calls it."""
    words = ("OVENBIRD_TIMEOUT=90s", "OVENBIRD_CONCURRENCY=4", "OVENBIRD_WORKERS=2", "OVENBIRD_INIT_TIMEOUT=10m")
    made = make("--knative", "--autoscale", "0:5", *(word for text in words for word in ("--env", text)))
    assert (made.pod["timeoutSeconds"], made.pod["containerConcurrency"]) == (90, 8)
    assert annotations(made) == {
        "serving.knative.dev/progress-deadline": "660s",
        "autoscaling.knative.dev/min-scale": "0",
        "autoscaling.knative.dev/max-scale": "5",
    }
    assert made.env["OVENBIRD_DRAIN_DELAY"] == "0s"
    plain = make("--knative", "--replicas", "2", "--env", "OVENBIRD_TIMEOUT=0")
    assert not {"timeoutSeconds", "containerConcurrency"} & set(plain.pod)
    assert annotations(plain)["autoscaling.knative.dev/min-scale"] == "2"


def test_what_does_not_go_with_knative(refused: Callable[..., str]) -> None:
    """Each is told by its name."""
    assert "--knative does not go with --action job" in refused("--action", "job", "--knative")
    said = refused(
        "--knative", "--max-unavailable", "1", "--service-type", "NodePort", "--volume", "ephemeral:e:/e:1Gi"
    )
    assert "--max-unavailable does not go with --knative" in said
    assert "service_type does not go with --knative" in said
    assert "volume 'e': Knative has no ephemeral ones" in said
