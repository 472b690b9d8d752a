"""Services of functions: wait for a rollout, say where the service answers, forward a port, remove it."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable
from time import monotonic
from typing import Any

from msgspec import Struct

from ..errors import ClusterAccessError, ClusterError, KindMissingError, ObjectMissingError, PodStartError
from ..kubernetes.pod import CONTAINER
from ..kubernetes.service import PORT
from . import pod_status
from .kubectl import OUTAGES, Kubectl
from .run_view import RunView
from .start_watch import StartWatch

Document = dict[str, Any]

_PAUSE = 1.0  # seconds between two looks at a rollout, and until a port is forwarded again
_PATIENCE = 300.0  # seconds for an API server that does not answer
_REVISION = "deployment.kubernetes.io/revision"
_HASH = "pod-template-hash"
_LOG_LINES = 50  # of a pod that does not start
_NO_LOG = "unable to retrieve container logs for "  # what the kubelet writes in its place
_LOG_LOOKS, _LOG_PAUSE = 5, 0.4  # how often it is looked for, and seconds in between
_ALSO = ("ingress", "horizontalpodautoscaler", "poddisruptionbudget")  # what a service may have beside its own two
# the same, of extensions that a cluster may lack
_OF_EXTENSIONS = ("httproutes.gateway.networking.k8s.io", "servicemonitors.monitoring.coreos.com")


class Rollout(Struct, frozen=True):
    """A Deployment, the newest of its ReplicaSets, and the pods of that."""

    deployment: Document
    replica_set: Document | None
    pods: list[Document]

    @property
    def is_observed(self) -> bool:
        """Return whether the status is that of the newest version, and not of the one before."""
        observed = (self.deployment.get("status") or {}).get("observedGeneration")
        return int(observed or 0) >= int(self.deployment["metadata"]["generation"])

    @property
    def is_done(self) -> bool:
        """Return whether all pods are of the newest version and ready."""
        status, wanted = self.deployment.get("status") or {}, int(self.deployment["spec"].get("replicas", 1))
        if not self.is_observed:
            return False
        counts = [int(status.get(name) or 0) for name in ("updatedReplicas", "replicas", "availableReplicas")]
        return counts == [wanted] * 3

    @property
    def failure(self) -> str:
        """Return why Kubernetes has given up; empty while it has not."""
        conditions = (self.deployment.get("status") or {}).get("conditions") or ()
        return next(
            (str(c.get("message")) for c in conditions if c.get("reason") == "ProgressDeadlineExceeded"), ""
        )  # fmt: skip


def make_selector(name: str) -> str:
    """Return the selector of all objects of a service."""
    return f"app.kubernetes.io/instance={name},app.kubernetes.io/component=service"


def wait_for_rollout(kubectl: Kubectl, name: str, view: RunView, limit: float = 0.0) -> Rollout:
    """Wait until the service is ready, and return its rollout. `limit` is in seconds; 0 is that of Kubernetes.

    Errors: ClusterError and its subclasses for pods that do not start, after the log of one.
    """
    start, answered = StartWatch(kubectl, view, limit), monotonic()
    while True:
        try:
            rollout = _read_rollout(kubectl, name)
            answered = monotonic()
        except OUTAGES as error:
            if monotonic() - answered > _PATIENCE:
                raise
            view.note(f"the API server is asked again: {error.message}")
        else:
            if rollout.is_done:
                return rollout
            if rollout.is_observed:
                _check_rollout(kubectl, rollout, view, start)
        time.sleep(_PAUSE)


def _read_rollout(kubectl: Kubectl, name: str) -> Rollout:
    items = kubectl.list_items("deployments,replicasets,pods", "-l", make_selector(name))
    deployments = [item for item in items if item["kind"] == "Deployment" and item["metadata"]["name"] == name]
    if not deployments:
        raise ObjectMissingError(f"there is no Deployment {name} any more")
    revision = (deployments[0]["metadata"].get("annotations") or {}).get(_REVISION)
    sets = [item for item in items if item["kind"] == "ReplicaSet"]
    newest = next((s for s in sets if (s["metadata"].get("annotations") or {}).get(_REVISION) == revision), None)
    key = newest["metadata"]["labels"].get(_HASH) if newest else None
    pods = [item for item in items if item["kind"] == "Pod" and item["metadata"]["labels"].get(_HASH) == key]
    return Rollout(deployments[0], newest, pods)


def _check_rollout(kubectl: Kubectl, rollout: Rollout, view: RunView, start: StartWatch) -> None:
    """Say what a rollout waits for. Errors: ClusterError where it does not go on."""
    for pod in rollout.pods:
        if crash := find_crash(pod):
            show_log(kubectl, pod["metadata"]["name"], view)
            raise PodStartError(f"pod {pod['metadata']['name']} does not start: {crash}")
    waiting = [pod for pod in rollout.pods if not pod_status.is_running(pod)]
    if rollout.failure:
        for pod in rollout.pods[:1]:
            show_log(kubectl, pod["metadata"]["name"], view)
        raise PodStartError(pod_status.clean_text(rollout.failure))
    if waiting or not rollout.pods:
        owner = f"ReplicaSet/{rollout.replica_set['metadata']['name']}" if rollout.replica_set else "Deployment/"
        title = f"pod {waiting[0]['metadata']['name']}" if waiting else "the service"
        start.check_pod(waiting[0] if waiting else None, owner, title)
        return
    ready = sum(pod_status.is_ready(pod) for pod in rollout.pods)
    view.say("waiting", f"{ready} of {rollout.deployment['spec'].get('replicas', 1)} pods are ready")


def find_crash(pod: Document) -> str:
    """Return how the container of a service has ended, which should not end.

    Empty for one that has not, or that takes calls again.
    """
    if pod_status.is_ready(pod):
        return ""
    for status in (pod.get("status") or {}).get("containerStatuses") or ():
        for state in (status.get("state") or {}, status.get("lastState") or {}):
            if end := state.get("terminated"):
                first = pod_status.clean_text((end.get("message") or "").partition("\n")[0])
                reason = "killed for memory, " if end.get("reason") == "OOMKilled" else ""
                return f"{reason}exit status {end.get('exitCode')}{first and f': {first}'}"
    return ""


def show_log(kubectl: Kubectl, pod: str, view: RunView) -> None:
    """Show the end of the log of a pod: that of its container before, where it was started again.

    It may be started again between two looks: then the log of the new container says little, and that of the one before
    can be had a moment later.
    """
    text = ""
    for _ in range(_LOG_LOOKS):
        if text := _read_log(kubectl, pod, "--previous"):
            break
        text = _read_log(kubectl, pod)
        if text and not _is_running(kubectl, pod):
            break
        time.sleep(_LOG_PAUSE)
    if text:
        view.write_log(text.encode())


def _read_log(kubectl: Kubectl, pod: str, *more: str) -> str:
    """Return the end of a log; empty where there is none, or where the node has just removed it."""
    with contextlib.suppress(ClusterError):
        text = kubectl.run("logs", pod, f"--container={CONTAINER}", f"--tail={_LOG_LINES}", *more)
        return "" if text.startswith(_NO_LOG) else text
    return ""


def _is_running(kubectl: Kubectl, pod: str) -> bool:
    """Return whether the container runs now."""
    with contextlib.suppress(ClusterError):
        statuses = (kubectl.get("pod", pod).get("status") or {}).get("containerStatuses") or ()
        return any("running" in (status.get("state") or {}) for status in statuses)
    return False


def find_url(kubectl: Kubectl, name: str, rollout: Rollout, documents: list[Document]) -> str:
    """Return where the service answers: its host, its load balancer, a node's port, or its name in the cluster."""
    for document in documents:
        if document["kind"] == "Ingress":
            rule, scheme = document["spec"]["rules"][0], "https" if document["spec"].get("tls") else "http"
            return f"{scheme}://{rule['host']}{rule['http']['paths'][0]['path']}"
        if document["kind"] == "HTTPRoute":  # its Gateway decides on TLS
            spec = document["spec"]
            return f"http://{spec['hostnames'][0]}{spec['rules'][0]['matches'][0]['path']['value']}"
    service = kubectl.get("service", name)
    (port, *_), kind = service["spec"]["ports"], service["spec"].get("type")
    if kind == "LoadBalancer":
        places = (service["status"].get("loadBalancer") or {}).get("ingress") or ()
        if hosts := [place.get("hostname") or place.get("ip") for place in places]:
            return f"http://{hosts[0]}:{port['port']}"
    if kind == "NodePort" and rollout.pods:
        return f"http://{rollout.pods[0]['status'].get('hostIP')}:{port['nodePort']}"
    about = service["metadata"]
    return f"http://{about['name']}.{about['namespace']}.svc:{port['port']}"


def forward_port(kubectl: Kubectl, name: str, port: int, view: RunView, announce: Callable[[str], object]) -> None:
    """Forward a port of this machine to a service, 0 for any, until a signal; broken connections are made again.

    `announce` gets the URL. Errors: ClusterError where it was never forwarded; ObjectMissingError once the service is
    deleted.
    """
    has_begun = False
    while True:
        stream = kubectl.open_stream("port-forward", f"service/{name}", f"{port or ''}:{PORT}", "--address=127.0.0.1")
        try:
            for line in stream.read_lines():
                if match := re.match(rb"Forwarding from 127\.0\.0\.1:(\d+)", line):
                    port = int(match[1])
                    if not has_begun:
                        announce(f"http://127.0.0.1:{port}")
                    has_begun = True
            _, output = stream.wait()
        finally:
            stream.close()
        if not has_begun:
            raise ClusterError(f"port {port} cannot be forwarded: {pod_status.clean_text(output)}")
        _check_service(kubectl, name)
        view.note(f"the port is forwarded again: {pod_status.clean_text(output) or 'the connection was closed'}")
        time.sleep(_PAUSE)


def _check_service(kubectl: Kubectl, name: str) -> None:
    """Raise ObjectMissingError for a service that was deleted; another error may pass."""
    try:
        kubectl.run("get", "service", name, "-o", "name")
    except ObjectMissingError:
        raise
    except ClusterError:
        return


def delete_service(kubectl: Kubectl, name: str, view: RunView) -> list[str]:
    """Delete all objects of a service but its claims, and return their names as kubectl writes them.

    Errors: ObjectMissingError for a service that is not there; as of `Kubectl.run`.
    """
    words = ("-l", make_selector(name), "--ignore-not-found", "--wait=false", "-o", "name")
    removed = _delete(kubectl, "deployment,service", *words)
    for kinds in (",".join(_ALSO), *_OF_EXTENSIONS):
        try:
            removed += _delete(kubectl, kinds, *words)
        except ClusterAccessError as error:
            view.note(f"{kinds} are left alone: {error.message}")
        except KindMissingError:
            continue
    if not removed:
        raise ObjectMissingError(f"there is no service {name} of a function in this namespace")
    return removed


def _delete(kubectl: Kubectl, kinds: str, *words: str) -> list[str]:
    """Delete objects and return their names; where there is none, kubectl writes a sentence."""
    return [line for line in kubectl.run("delete", kinds, *words).splitlines() if "/" in line and " " not in line]
