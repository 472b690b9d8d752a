"""A service: probes on the runtime's paths, and as much time as the runtime takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Manifests


def test_probes(make: Callable[..., Manifests]) -> None:
    """Start and readiness ask for READY, liveness for life; the port goes by its name."""
    container = make("--action", "serve").container
    paths = {name: container[name]["httpGet"] for name in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert paths == {
        "startupProbe": {"path": "/_/ready", "port": "http"},
        "readinessProbe": {"path": "/_/ready", "port": "http"},
        "livenessProbe": {"path": "/_/live", "port": "http"},
    }
    assert container["ports"] == [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]
    assert container["args"] == ["serve"]


@pytest.mark.parametrize(("text", "seconds"), [("", 360), ("90s", 150), ("500ms", 61), ("0", 86460)])
def test_a_pod_may_take_as_long_to_start_as_its_init(make: Callable[..., Manifests], text: str, seconds: int) -> None:
    """The time limit of init, and a minute for the import of the module."""
    probe = make("--action", "serve", *(("--env", f"OVENBIRD_INIT_TIMEOUT={text}") if text else ())).container[
        "startupProbe"
    ]
    assert probe["periodSeconds"] * probe["failureThreshold"] == seconds


@pytest.mark.parametrize(
    ("env", "seconds"),
    [({}, 70), ({"GRACE": "2m"}, 250), ({"DRAIN_DELAY": "0"}, 65), ({"DRAIN_DELAY": "10s", "GRACE": "500ms"}, 16)],
)
def test_a_pod_may_take_as_long_to_end_as_its_drain(
    make: Callable[..., Manifests], env: dict[str, str], seconds: int
) -> None:
    """Drain delay, grace for the calls, the same again for close, and five seconds."""
    words = [word for name, value in env.items() for word in ("--env", f"OVENBIRD_{name}={value}")]
    manifests = make("--action", "serve", *words)
    assert manifests.pod["terminationGracePeriodSeconds"] == seconds
    assert manifests.env["OVENBIRD_DRAIN_DELAY"] == env.get("DRAIN_DELAY", "5s")


def test_another_port(make: Callable[..., Manifests], refused: Callable[..., str]) -> None:
    """The pod's port is a setting; the Service's stays. One that the system picks cannot be known."""
    manifests = make("--action", "serve", "--env", "PORT=9000")
    assert manifests.container["ports"][0]["containerPort"] == 9000
    assert manifests["Service"]["spec"]["ports"] == [
        {"name": "http", "port": 8080, "targetPort": "http", "protocol": "TCP"}
    ]
    assert "`OVENBIRD_PORT` is 0" in refused("--action", "serve", "--env", "OVENBIRD_PORT=0")


def test_service_fields(make: Callable[..., Manifests], refused: Callable[..., str]) -> None:
    """Type, name and replicas of the task."""
    manifests = make(
        task={"kind": "python+serve", "spec": {"replicas": 0, "service_type": "NodePort", "service_name": "hi"}}
    )
    assert manifests["Deployment"]["spec"]["replicas"] == 0
    assert (manifests["Service"]["spec"]["type"], manifests["Service"]["metadata"]["name"]) == ("NodePort", "hi")
    assert make("--action", "serve")["Deployment"]["spec"]["replicas"] == 1
    for field, value, message in (
        ("service_type", "ExternalName", "leads to no pod"),
        ("service_type", "nodeport", "expected one of ClusterIP, NodePort, LoadBalancer, found 'nodeport'"),
        ("service_name", "A.b", "service_name: expected lower-case"),
        ("replicas", -1, "replicas: expected a whole number from 0, found -1"),
        ("replicas", True, "replicas: expected a whole number"),
        ("replicas", "2", "replicas: expected a whole number from 0, found '2'"),
        ("inputs", {"a": "b"}, "inputs: a field of job, not of serve"),
    ):
        assert message in refused(task={"kind": "python+serve", "spec": {field: value}})


def test_a_scaler_decides_alone(make: Callable[..., Manifests], refused: Callable[..., str]) -> None:
    """The Deployment then has no replica count, and a CPU request is required."""
    manifests = make("--action", "serve", "--autoscale", "2:9", "--cpu", "1", "--target-cpu", "60")
    assert "replicas" not in manifests["Deployment"]["spec"]
    spec = manifests["HorizontalPodAutoscaler"]["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"], spec["scaleTargetRef"]["name"]) == (2, 9, "greet")
    assert spec["metrics"][0]["resource"]["target"]["averageUtilization"] == 60
    serve = ("--action", "serve", "--cpu", "1")
    assert "give `resources.cpu`" in refused("--action", "serve", "--autoscale", "1:3")
    assert "leave out `replicas`" in refused(*serve, "--autoscale", "1:3", "--replicas", "2")
    command = "annotate deployment/greet kubectl.kubernetes.io/last-applied-configuration-"
    assert f"kubectl {command}" in manifests.notes
    assert f"kubectl -n lab {command}" in make(*serve, "--autoscale", "1:3", "--namespace", "lab").notes
    for text in ("3:1", "0:3", "3", "a:b", "1:2:3", ":"):
        assert "--autoscale: expected `MIN:MAX`" in refused(*serve, "--autoscale", text)
    assert "--target-cpu: expected a whole number from 1 to 100" in refused(*serve, "--target-cpu", "0")


def test_a_disruption_budget(make: Callable[..., Manifests], refused: Callable[..., str]) -> None:
    """A number or a share of the pods that may be away at once."""
    manifests = make("--action", "serve", "--max-unavailable", "1")
    spec = manifests["PodDisruptionBudget"]["spec"]
    assert spec == {"maxUnavailable": 1, "selector": manifests["Deployment"]["spec"]["selector"]}
    assert (
        make("--action", "serve", "--max-unavailable", "25%")["PodDisruptionBudget"]["spec"]["maxUnavailable"] == "25%"
    )
    for text in ("0", "101%", "one", "-1", "1.5"):
        assert "--max-unavailable: expected a number" in refused("--action", "serve", f"--max-unavailable={text}")


def test_selectors_hold_what_never_changes(make: Callable[..., Manifests], folder: Path) -> None:
    """A Deployment's selector is immutable: under a fixed --name the function may be called otherwise."""
    words = ("--action", "serve", "--name", "fixed", "--max-unavailable", "1")
    before = make(*words)
    (folder / "function.yaml").write_text((folder / "function.yaml").read_text().replace("greet", "welcome"))
    after = make(*words)
    for manifests in (before, after):
        chosen = {"app.kubernetes.io/instance": "fixed", "app.kubernetes.io/component": "service"}
        assert manifests["Deployment"]["spec"]["selector"]["matchLabels"] == chosen
        assert manifests["Service"]["spec"]["selector"] == chosen
        assert manifests["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == chosen
        assert chosen.items() <= manifests["Deployment"]["spec"]["template"]["metadata"]["labels"].items()
    assert after["Deployment"]["metadata"]["labels"]["app.kubernetes.io/name"] == "welcome"


@pytest.mark.parametrize(("text", "seconds"), [("", 600), ("20m", 1500), ("0", 86700)])
def test_a_rollout_waits_for_the_startup_probe(make: Callable[..., Manifests], text: str, seconds: int) -> None:
    """A slow start does not fail the rollout: its deadline is the start's limit plus time for node and image."""
    manifests = make("--action", "serve", *(("--env", f"OVENBIRD_INIT_TIMEOUT={text}") if text else ()))
    assert manifests["Deployment"]["spec"]["progressDeadlineSeconds"] == seconds


def test_a_hanging_pod_is_killed_soon(make: Callable[..., Manifests]) -> None:
    """It does not get the time of a drain, which it could not use."""
    probe = make("--action", "serve", "--env", "OVENBIRD_GRACE=10m").container["livenessProbe"]
    assert probe["terminationGracePeriodSeconds"] == 10


def test_a_claim_of_one_node_recreates_the_pod(make: Callable[..., Manifests]) -> None:
    """The old pod goes before the new one comes; other volumes do not ask for it."""
    strategy = make("--action", "serve", "--volume", "pvc:data:/data:1Gi")["Deployment"]["spec"]["strategy"]
    assert strategy == {"type": "Recreate"}
    for volume in ("pvc:data:/data", "ephemeral:e:/e:1Gi", "empty_dir:s:/s"):
        assert "strategy" not in make("--action", "serve", "--volume", volume)["Deployment"]["spec"]
