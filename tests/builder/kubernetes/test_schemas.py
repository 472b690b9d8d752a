"""Every manifest fits the schemas that Kubernetes publishes, strictly, of all versions it is meant for."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import kubernetes_validate
import pytest
from kubernetes_validate.utils import all_versions

from .conftest import Manifests, pod_of

VERSIONS = sorted({version.rpartition(".")[0] for version in all_versions()}, key=lambda text: int(text.split(".")[1]))
FULL = {
    "volumes": [
        {"volume_type": "persistent_volume_claim", "name": "data", "mount_path": "/data", "spec": {"size": "10Gi"}},
        {"volume_type": "shared_volume", "name": "all", "mount_path": "/all", "spec": {"claimName": "company"}},
        {"volume_type": "empty_dir", "name": "scratch", "mount_path": "/scratch", "spec": {"size_limit": "1Gi"}},
        {"volume_type": "empty_dir", "name": "fast", "mount_path": "/fast", "spec": {"medium": "Memory"}},
    ],
    "resources": {"cpu": "500m", "mem": "2Gi", "gpu": "1", "disk": "20Gi"},
    "envs": [{"name": "MODE", "value": "a: b # c"}, {"name": "N", "value": 1}, {"name": "EMPTY", "value": ""}],
    "secrets": ["API_KEY", "OTHER=vault/key.name"],
    "parameters": {"depth": 3, "text": "$(HOME) $x \"'\n"},
}
EPHEMERAL = {
    "volume_type": "ephemeral",
    "name": "own",
    "mount_path": "/own",
    "spec": {"size": "1Gi", "storage_class": "x"},
}
SERVE = {**FULL, "volumes": [*FULL["volumes"], EPHEMERAL], "init_parameters": {"model": "s"}}
JOB = {**FULL, "volumes": [*FULL["volumes"], EPHEMERAL], "inputs": {"cities": "store://p/dataitem/table/cities"}}
COMMON = ("--namespace", "team-a", "--service-account", "runner", "--pull-secret", "pull")
CASES: dict[str, tuple[tuple[str, ...], dict[str, Any] | None, int]] = {  # words, task, oldest minor version of 1
    "serve": (("--action", "serve"), None, 25),
    "serve, all": (("--autoscale", "1:5", "--max-unavailable", "1", *COMMON), {"kind": "python+serve",
    "spec": SERVE}, 25),
    "serve, more": (
        ("--max-unavailable", "25%", "--writable-root"),
        {"kind": "python+serve", "spec": {"replicas": 3, "service_type": "NodePort", "service_name": "other"}},
        25,
    ),
    "serve, exposed": (("--expose", "greet.example.com/a"), None, 25),
    "serve, exposed by TLS": (
        ("--expose", "*.example.com", "--tls-secret", "tls", "--ingress-class", "nginx", "--metrics", "annotations",
         "--env", "OVENBIRD_ADMIN_PORT=9090"),
        None,
        25,
    ),
    "job": (("--action", "job"), None, 29),
    "job, all": (("--ttl", "1h", *COMMON), {"kind": "python+job", "spec": JOB}, 29),
    "job, generated name": (("--action", "job", "--generate-name"), None, 29),
    "cron": (("--schedule", "*/5 0-6 * jan-mar mon", "--time-zone", "Europe/Rome"), None, 29),
    "each": (("--each", "each.jsonl", "--parallelism", "2"), None, 29),
    "each, cron": (("--each", "each.jsonl", "--schedule", "@daily"), None, 29),
    "build": (("--tag", "r.example/f:1", "--registry-secret", "push", *COMMON), None, 29),
    "build, all": (
        ("--tag", "r.example/f:1"),
        {"kind": "python+build", "spec": {"instructions": ["echo $(id)"], "resources": FULL["resources"]}},
        29,
    ),
}  # fmt: skip


@functools.cache
def list_versions(oldest: int) -> list[str]:
    """Return the versions that a case is meant for."""
    return [version for version in VERSIONS if int(version.split(".")[1]) >= oldest]


def check(document: dict[str, Any], version: str) -> None:
    """Validate strictly: an unknown field is an error."""
    kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_manifests_fit_the_published_schemas(make: Callable[..., Manifests], folder: Any, case: str) -> None:
    """Each document of each action, with all fields of a task and without any, matches every version's schema."""
    words, task, oldest = CASES[case]
    (folder / "each.jsonl").write_text('{"n": 1}\n\n{"n": 2}\n{"n": 3}\n')
    manifests = make(*words, task=task)
    assert len(list_versions(oldest)) >= 8
    for document in manifests:
        for version in list_versions(oldest):
            check(document, version)


@pytest.mark.slow
@pytest.mark.parametrize("task", [None, {"kind": "python+serve", "spec": {**FULL, "replicas": 2}}])
def test_the_pod_of_a_knative_service_fits_too(make: Callable[..., Manifests], task: dict[str, Any] | None) -> None:
    """Knative publishes no schema; what it takes as a pod is one of Kubernetes, but for two fields of its own."""
    manifests = make("--knative", task=task)
    pod = dict(pod_of(manifests["Service"])["spec"])
    pod.pop("timeoutSeconds")
    for version in list_versions(25):
        check({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": pod}, version)


def test_the_schemas_refuse_wrong_fields() -> None:
    """A field that does not exist, and a number where a text belongs, do not pass."""
    pod: dict[str, Any] = {"containers": [{"name": "a", "image": "b"}]}
    document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": pod}
    check(document, VERSIONS[-1])
    for wrong in ({"retries": 3}, {"env": [{"name": "A", "value": 1}]}):
        pod["containers"][0] = {"name": "a", "image": "b", **wrong}
        with pytest.raises(kubernetes_validate.ValidationError):
            check(document, VERSIONS[-1])
