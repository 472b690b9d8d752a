"""Knative takes part of a pod only: what it refuses is left out, and what it calls otherwise is translated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .conftest import Manifests, pod_of

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


def read_annotations(manifests: Manifests) -> dict[str, Any]:
    values: dict[str, Any] = pod_of(manifests["Service"])["metadata"]["annotations"]
    return values


def test_only_fields_that_knative_accepts(make: Callable[..., Manifests]) -> None:
    """No security context of the pod, no startup probe, no time to end; the container has the least of rights."""
    manifests = make(
        "--knative", "--service-account", "a", "--pull-secret", "b", "--cpu", "1", "--env", "OVENBIRD_CONCURRENCY=4",
        "--volume", "pvc:data:/data",
    )  # fmt: skip
    assert manifests.kinds == ["Service"]
    assert manifests["Service"]["apiVersion"] == "serving.knative.dev/v1"
    assert set(manifests.pod) == POD
    assert set(manifests.container) == CONTAINER
    assert set(manifests.container["securityContext"]) == SECURITY
    assert manifests.container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert manifests.container["ports"] == [{"name": "http1", "containerPort": 8080, "protocol": "TCP"}]
    for probe, path in (("readinessProbe", "/_/ready"), ("livenessProbe", "/_/live")):
        assert manifests.container[probe]["httpGet"] == {"path": path, "port": 0}
    assert not {"runAsUser", "fsGroup"} & set(manifests.pod)


def test_times_and_numbers(make: Callable[..., Manifests]) -> None:
    """The time limit of a call, calls at once, time to start, pods: each as Knative calls it."""
    words = ("OVENBIRD_TIMEOUT=90s", "OVENBIRD_CONCURRENCY=4", "OVENBIRD_WORKERS=2", "OVENBIRD_INIT_TIMEOUT=10m")
    manifests = make("--knative", "--autoscale", "0:5", *(word for text in words for word in ("--env", text)))
    assert (manifests.pod["timeoutSeconds"], manifests.pod["containerConcurrency"]) == (90, 8)
    assert read_annotations(manifests) == {
        "serving.knative.dev/progress-deadline": "660s",
        "autoscaling.knative.dev/min-scale": "0",
        "autoscaling.knative.dev/max-scale": "5",
    }
    assert manifests.env["OVENBIRD_DRAIN_DELAY"] == "0s"
    plain = make("--knative", "--replicas", "2", "--env", "OVENBIRD_TIMEOUT=0")
    assert not {"timeoutSeconds", "containerConcurrency"} & set(plain.pod)
    assert read_annotations(plain)["autoscaling.knative.dev/min-scale"] == "2"


def test_unsupported_options_of_knative_are_refused(refused: Callable[..., str]) -> None:
    """Each is reported by its name."""
    assert "`--knative` does not go with `--action job`" in refused("--action", "job", "--knative")
    message = refused(
        "--knative", "--max-unavailable", "1", "--service-type", "NodePort", "--volume", "ephemeral:e:/e:1Gi"
    )
    assert "`--max-unavailable` does not go with `--knative`" in message
    assert "`service_type` does not go with `--knative`" in message
    assert "volume 'e': Knative has no ephemeral ones" in message
