"""Jobs of functions: create, list and delete them, with what belongs to them."""

from __future__ import annotations

import json
import secrets
from typing import Any

from msgspec import Struct

from ovenbird.common.text import show_value

from ..errors import ClusterError, ObjectMissingError
from . import pod_status
from .kubectl import OUTAGES, Kubectl

Document = dict[str, Any]

_OUR_LABELS = {"app.kubernetes.io/managed-by": "ovenbird", "app.kubernetes.io/component": "job"}
_SELECTOR = ",".join(f"{name}={value}" for name, value in _OUR_LABELS.items())
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # as Kubernetes' own: no words come of it
_RANDOM = 5  # characters
_LONGEST = 42  # characters of a name before them; Kubernetes adds further ones for pods


class CreatedJob(Struct, frozen=True):
    """A Job in the cluster: its name and namespace, how many runs it has, and whether each has an index."""

    name: str
    namespace: str
    count: int = 1
    is_indexed: bool = False


def make_job_name(base: str) -> str:
    """Return a name for one Job: `greet` becomes `greet-7xk2p`."""
    suffix = "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return f"{base[:_LONGEST].rstrip('-')}-{suffix}"


def create_job(kubectl: Kubectl, documents: list[Document], *, validate: bool = False) -> CreatedJob:
    """Create a Job with its parameters, and its claims where they are not there; nothing is left where that fails.

    The parameters of `--each` go with the Job. Errors: ClusterError and its subclasses.
    """
    claims = [item for item in documents if item["kind"] == "PersistentVolumeClaim"]
    parameters = [item for item in documents if item["kind"] == "ConfigMap"]
    (job,) = (item for item in documents if item["kind"] == "Job")
    _create_claims(kubectl, claims)
    try:
        kubectl.create(parameters)
        (created,) = kubectl.create([job], validate=validate)
    except BaseException as error:
        is_unknown = isinstance(error, OUTAGES) or not isinstance(error, ClusterError)
        # a call that ran out of time, or was interrupted, may have created the Job all the same
        _remove(kubectl, [job, *parameters] if is_unknown else parameters)
        raise
    for item in parameters:
        _give_to_job(kubectl, item, created)
    return _describe_job(created)


def list_jobs(kubectl: Kubectl) -> list[Document]:
    """Return the Jobs of functions, the newest first. Errors: ClusterError and its subclasses."""
    jobs = kubectl.list_items("jobs", "-l", _SELECTOR)
    return sorted(jobs, key=lambda job: str(job["metadata"].get("creationTimestamp")), reverse=True)


def find_job(kubectl: Kubectl, name: str) -> CreatedJob:
    """Return a Job of a function by its name; `latest` is the newest of all.

    Errors: ObjectMissingError, also for a Job that is somebody else's; as of `list_jobs`.
    """
    if name != "latest":
        job = kubectl.get("job", name)
        if not _OUR_LABELS.items() <= (job["metadata"].get("labels") or {}).items():
            raise ObjectMissingError(
                f"job {show_value(name)} is not one of a function",
                hint="`ovenbird runs list`, with `--cluster`, lists those",
            )
        return _describe_job(job)
    jobs = list_jobs(kubectl)
    if not jobs:
        raise ObjectMissingError("there is no run in this namespace", hint="`ovenbird run TARGET --cluster` makes one")
    return _describe_job(jobs[0])


def _describe_job(job: Document) -> CreatedJob:
    about, spec = job["metadata"], job["spec"]
    count = int(spec.get("completions") or 1)
    return CreatedJob(about["name"], about["namespace"], count, spec.get("completionMode") == "Indexed")


def summarize_job(job: Document) -> dict[str, Any]:
    """Return a Job as a row: name, function, state, when it was made, seconds, runs that have completed and failed."""
    status, about = job.get("status") or {}, job["metadata"]
    ends = {c.get("type"): c for c in status.get("conditions") or () if c.get("status") == "True"}
    condition = ends.get("Complete") or ends.get("Failed") or {}
    going = "RUNNING" if status.get("ready") else "PENDING"
    state = "COMPLETED" if "Complete" in ends else "ERROR" if "Failed" in ends else going
    finished = status.get("completionTime") or condition.get("lastTransitionTime") or ""
    return {
        "name": about["name"], "namespace": about.get("namespace", ""),
        "function": (about.get("labels") or {}).get("app.kubernetes.io/name", ""), "state": state,
        "created": about.get("creationTimestamp", ""),
        "seconds": pod_status.measure_seconds(status.get("startTime") or "", finished) if finished else None,
        "runs": int(job["spec"].get("completions") or 1), "completed": int(status.get("succeeded") or 0),
        "failed": int(status.get("failed") or 0),
    }  # fmt: skip


def delete_job(kubectl: Kubectl, name: str) -> None:
    """Delete a Job and its pods, each of which has its time to end. Errors: ClusterError and its subclasses."""
    kubectl.run("delete", "job", name, "--cascade=background", "--wait=false")


def format_return(kubectl: Kubectl, name: str) -> str:
    """Return how to come back to a run."""
    flags = [f"--context {kubectl.context}"] if kubectl.context else []
    flags += [f"--namespace {kubectl.namespace}"] if kubectl.namespace else []
    words = " ".join(["--cluster", *flags])
    return f"the run goes on: `ovenbird runs follow {name} {words}`; `ovenbird runs stop {name} {words}` ends it"


def settle_failure(kubectl: Kubectl, name: str, error: ClusterError, *, is_own: bool) -> bool:
    """Delete a Job that has failed before any container began, and return whether; else the error says how to return.

    `is_own`: the Job was created by the caller; others are left alone.
    """
    if error.ends_run:
        return False
    if error.has_begun or not is_own or _has_begun(kubectl, name):
        error.add_hint(format_return(kubectl, name))
        return False
    error.ends_run = True
    try:
        delete_job(kubectl, name)
    except ObjectMissingError:
        return False
    except ClusterError:
        error.ends_run = False
        error.add_hint(f"job {name} is still there")
        return False
    return True


def _has_begun(kubectl: Kubectl, name: str) -> bool:
    """Return whether a container of a Job has begun by now, or may have: where that cannot be asked."""
    try:
        return any(pod_status.has_begun(pod) for pod in kubectl.list_items("pods", "-l", f"job-name={name}"))
    except ClusterError:
        return True


def _create_claims(kubectl: Kubectl, claims: list[Document]) -> None:
    """Create the claims that are not there: they outlive their Jobs."""
    for claim in claims:
        try:
            kubectl.run("get", "persistentvolumeclaim", claim["metadata"]["name"], "-o", "name")
        except ObjectMissingError:
            kubectl.create([claim])


def _give_to_job(kubectl: Kubectl, item: Document, job: Document) -> None:
    """Let an object be removed with the Job. Without the right to change it, it stays."""
    about = job["metadata"]
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": about["name"], "uid": about["uid"]}
    patch = json.dumps({"metadata": {"ownerReferences": [owner]}})
    try:
        kubectl.run("patch", item["kind"].lower(), item["metadata"]["name"], "--type=merge", "-p", patch)
    except ClusterError:
        return


def _remove(kubectl: Kubectl, documents: list[Document]) -> None:
    for item in documents:
        try:
            kubectl.run("delete", item["kind"].lower(), item["metadata"]["name"], "--ignore-not-found", "--wait=false")
        except ClusterError:
            continue
