"""Services on a real node: rolled over, renamed, scaled, and in trouble."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from tests.kube import Kube
from tests.loss import Load, Tally, wait_total

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]
SERVE = ("--action", "serve", "--service-type", "NodePort")


def call(url: str, **payload: object) -> httpx.Response:
    """POST a payload as JSON."""
    return httpx.post(url, json=payload, timeout=120, trust_env=False, verify=False)


def test_no_call_is_lost_when_pods_are_replaced(kube: Kube) -> None:
    """Under load a new version is rolled out, and each pod with it; every call that was sent is answered 200."""
    kube.apply(*SERVE, "--replicas", "2")
    url = kube.wait_rollout()
    before = {pod["metadata"]["name"] for pod in kube.list_pods()}

    async def run() -> Tally:
        load = Load(url, 4)
        task = asyncio.create_task(load.run())
        await wait_total(load, 50)
        await asyncio.to_thread(kube.apply, *SERVE, "--replicas", "2", "--env", "VERSION=2")
        await asyncio.to_thread(kube.wait_rollout)
        await asyncio.to_thread(
            kube.wait_until, lambda: not before & {pod["metadata"]["name"] for pod in kube.list_pods()}
        )
        load.stop()
        return await task

    tally = asyncio.run(run())
    assert (tally.lost, tally.refused, set(tally.answered)) == ([], 0, {200})


def test_a_function_is_renamed_under_a_fixed_name(kube: Kube) -> None:
    """The objects stay, and so do their selectors: the service is there all along, under its labels of today."""
    words = (*SERVE, "--name", "fixed")
    kube.apply(*words)
    url = kube.wait_rollout("fixed")
    kube.write("function.yaml", (kube.folder / "function.yaml").read_text().replace("greet", "welcome"))
    assert "deployment.apps/fixed configured" in kube.apply(*words)
    assert kube.wait_rollout("fixed") == url
    assert call(url).status_code == 200
    assert kube.get("deployment", "fixed")["metadata"]["labels"]["app.kubernetes.io/name"] == "welcome"


def test_a_deployment_of_an_earlier_version_is_adopted(kube: Kube) -> None:
    """Its selector holds the function's name; deleted without its pods and applied again, it keeps the same pods."""
    old = "Deployment.spec.selector.matchLabels.app\\.kubernetes\\.io/name=greet"
    kube.apply(*SERVE, "--set", old)
    url = kube.wait_rollout()
    pods = {pod["metadata"]["uid"] for pod in kube.list_pods()}
    refused = kube.kubectl("apply", "-f", "-", text=kube.make_manifests(*SERVE)[0], check=False)
    assert "field is immutable" in refused
    kube.kubectl("delete", "deployment", "greet", "--cascade=orphan")
    kube.apply(*SERVE)
    assert kube.wait_rollout() == url
    assert {pod["metadata"]["uid"] for pod in kube.list_pods()} == pods


def test_manifests_applied_again_are_unchanged(kube: Kube) -> None:
    """Amounts are written as the server stores them."""
    words = (*SERVE, "--cpu", "0.1", "--mem", "131072Ki", "--disk", "1024Mi", "--volume", "pvc:data:/data:1024Mi")
    kube.apply(*words)
    lines = kube.apply(*words).splitlines()
    assert len(lines) == 3
    assert all(line.endswith(" unchanged") for line in lines)


def test_a_scaler_replaces_a_fixed_number(kube: Kube) -> None:
    """With the command of the note, three pods stay when the manifest no longer has a number."""
    words = (*SERVE, "--cpu", "10m")
    kube.apply(*words, "--replicas", "3")
    kube.wait_rollout()
    manifests, notes = kube.make_manifests(*words, "--autoscale", "2:5", "--namespace", kube.namespace)
    command = notes.partition("before the first apply with `--autoscale`: `kubectl ")[2].partition("`")[0].split()
    kube.kubectl(*command)
    kube.kubectl("apply", "-f", "-", text=manifests)
    assert kube.get("deployment", "greet")["spec"]["replicas"] == 3
    kube.wait_rollout()
    assert kube.count_ready() == 3


def test_a_worker_that_hangs_is_replaced(kube: Kube) -> None:
    """The only worker of a pod, held by C code: it serves again soon, and the container is the same."""
    kube.apply(*SERVE, "--env", "OVENBIRD_TIMEOUT=5s")
    url = kube.wait_rollout()
    (pod,) = kube.list_pods()
    with pytest.raises(httpx.TransportError):
        call(url, do="hold", seconds=600)
    answer = kube.wait_until(lambda: call(url))
    assert answer.status_code == 200
    assert "its event loop has not run for" in kube.kubectl("logs", pod["metadata"]["name"])
    assert [pod["status"]["containerStatuses"][0]["restartCount"] for pod in kube.list_pods()] == [0]


def test_large_bodies_fit_a_small_pod(kube: Kube) -> None:
    """Four bodies of 30 MiB in 256 MiB: each is answered 200 or 503, and nothing is killed."""
    kube.apply(*SERVE, "--mem", "256Mi")
    url = kube.wait_rollout()
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(call, url, data="x" * 30 * 2**20, seconds=2) for _ in range(4)]
        statuses = {call.result().status_code for call in calls}
    assert 200 in statuses <= {200, 503}
    (pod,) = kube.list_pods()
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 0
    assert "was killed" not in kube.kubectl("logs", pod["metadata"]["name"])


def test_children_of_multiprocessing(kube: Kube) -> None:
    """Spawned in a pod, in its read-only root and with its /dev/shm, they are children and no services."""
    kube.apply(*SERVE)
    assert call(kube.wait_rollout(), do="spawn").json() == [0, 1, 4, 9]
