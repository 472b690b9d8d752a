"""A service as it is rolled out again, found and removed, on a stand-in for kubectl."""

from __future__ import annotations

from typing import Any

import pytest

from ovenbird_builder.cluster.run_view import RunView
from ovenbird_builder.cluster.services import (
    Rollout,
    delete_service,
    find_crash,
    find_url,
    forward_port,
    show_log,
    wait_for_rollout,
)
from ovenbird_builder.errors import ObjectMissingError

from .conftest import StandIn, make_pod, make_state

CRASHED = [{"name": "function", "state": {"running": {}}, "lastState": {"terminated": {"exitCode": 1}}}]
READY = [{"type": "Ready", "status": "True"}]
STUCK = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "old"}]


def make_deployment(generation: int, **status: Any) -> dict[str, Any]:
    """Return a Deployment of one pod."""
    about = {"name": "greet", "generation": generation}
    return {"kind": "Deployment", "metadata": about, "spec": {"replicas": 1}, "status": status}


def test_a_status_of_the_version_before(standin: StandIn) -> None:
    """It says nothing of the new one: that it had failed is no error."""
    kinds = "deployments,replicasets,pods"
    done = {"updatedReplicas": 1, "replicas": 1, "availableReplicas": 1}
    standin.put(kinds, {"items": [make_deployment(2, observedGeneration=1, conditions=STUCK, **done)]})
    standin.put(f"{kinds}.next", {"items": [make_deployment(2, observedGeneration=2, **done)]})
    assert wait_for_rollout(standin.kubectl, "greet", RunView()).is_done


def test_a_pod_that_crashed_once() -> None:
    """It counts as long as it is not ready."""
    assert find_crash(make_pod(containerStatuses=CRASHED)) == "exit status 1"
    assert find_crash(make_pod(containerStatuses=CRASHED, conditions=READY)) == ""
    assert find_crash(make_pod(containerStatuses=make_state(running={}))) == ""


def test_the_log_of_a_container_that_is_started_again_meanwhile(
    standin: StandIn, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nothing was before it at the first look, and it is new at the second: the third has the log."""
    standin.put("log", b"".join(b"2026-11-29T11:00:0%d line\n" % number for number in range(3)))
    show_log(standin.kubectl, "greet-1", RunView())
    out, err = capfd.readouterr()
    assert (out + err).count("line\n") == 3


def test_the_log_of_a_container_that_has_just_ended(standin: StandIn, capfd: pytest.CaptureFixture[str]) -> None:
    """It is shown at once: there is none before it, and none after it yet."""
    standin.put("first", b"")
    standin.put("log", b"2026-11-29T11:00:00 line\n")
    standin.put("pod", make_pod(containerStatuses=make_state(terminated={"exitCode": 1})))
    show_log(standin.kubectl, "greet-1", RunView())
    out, err = capfd.readouterr()
    assert (out + err).count("line\n") == 1
    assert (standin.folder / "connections").read_text() == "1"


def test_a_log_that_the_node_has_removed_is_none(standin: StandIn, capfd: pytest.CaptureFixture[str]) -> None:
    standin.put("log", b"unable to retrieve container logs for containerd://cc3e32cd1d73")
    standin.put("pod", make_pod(containerStatuses=make_state(terminated={"exitCode": 1})))
    show_log(standin.kubectl, "greet-1", RunView())
    out, err = capfd.readouterr()
    assert "unable" not in out + err


def test_the_url_of_a_route(standin: StandIn) -> None:
    """It is the host of the HTTPRoute, not the name within the cluster."""
    rule = {"matches": [{"path": {"type": "PathPrefix", "value": "/greet"}}]}
    route = {"kind": "HTTPRoute", "spec": {"hostnames": ["example.com"], "rules": [rule]}}
    rollout = Rollout(make_deployment(1), None, [])
    assert find_url(standin.kubectl, "greet", rollout, [route]) == "http://example.com/greet"


def test_what_is_deleted_with_a_service(standin: StandIn) -> None:
    """Also objects of extensions; kinds that the cluster lacks are passed over."""
    standin.put("deployment,service", b"deployment.apps/greet\nservice/greet\n")
    standin.put("ingress,horizontalpodautoscaler,poddisruptionbudget", b"")
    standin.put("httproutes.gateway.networking.k8s.io", b"httproute.gateway.networking.k8s.io/greet\n")
    assert delete_service(standin.kubectl, "greet", RunView()) == [
        "deployment.apps/greet", "service/greet", "httproute.gateway.networking.k8s.io/greet",
    ]  # fmt: skip


def test_a_forwarded_port_of_a_service_that_is_deleted(standin: StandIn) -> None:
    """A connection that breaks is made again, at the same port; once the service is gone, that is the error."""
    standin.put("service", b"service/greet")
    urls: list[str] = []

    class View(RunView):
        def note(self, text: str) -> None:
            """Delete the service when the port is forwarded again."""
            assert "the port is forwarded again: error: lost connection to pod" in text
            (standin.folder / "service").unlink()

    with pytest.raises(ObjectMissingError, match="not found"):
        forward_port(standin.kubectl, "greet", 0, View(), urls.append)
    assert urls == ["http://127.0.0.1:40001"]
    assert (standin.folder / "ports").read_text().split() == [":8080", "40001:8080"]
