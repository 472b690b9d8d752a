"""Start a function as a Job of Kubernetes: build its image where that is asked for, make and create its objects."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ovenbird.common.units import show_size

from ..cluster.jobs import CreatedJob, create_job, make_job_name
from ..cluster.kubectl import Kubectl
from ..cluster.run_view import RunView
from ..errors import BuildRequestError, ClusterAccessError, ClusterError
from ..kubernetes.manifest_secrets import check_variables
from ..kubernetes.pod import list_variables
from ..kubernetes.record_store import keeps_records
from ..kubernetes.request import ManifestRequest
from ..kubernetes.volume import Volume
from .make_manifests import make_objects, read_request

# settings of `ovenbird run` that the run in the cluster gets as variables
SETTINGS = ("timeout", "grace", "init_timeout", "note", "project", "log_level", "log_format", "max_input", "reuse")


def build_pushed_image(target: str, repository: str, environ: Mapping[str, str], view: RunView) -> str:
    """Build the image of a target, push it to a repository, and return its reference with its digest.

    Errors: those of every phase of a build.
    """
    from .build_image import build_target

    result = build_target(target, {"tag": repository, "push": True}, environ)
    change = f"{show_size(result.size)}, pushed" if result.changed else "nothing changed"
    view.say("image", f"{result.reference}   {change} ({result.seconds:.1f} s)")
    return result.reference


def check_access(kubectl: Kubectl, verb: str, kind: str) -> None:
    """Ask whether the cluster is there and allows it, before a build takes minutes. Errors: ClusterError."""
    try:
        kubectl.run("auth", "can-i", verb, kind)
    except ClusterError as error:
        if error.message.endswith(": no"):
            raise ClusterAccessError(
                f"there is no right to {verb} {kind} in the namespace", hint="`kubectl auth can-i --list`"
            ) from None
        raise


def submit_job(flags: argparse.Namespace, environ: Mapping[str, str], kubectl: Kubectl, view: RunView) -> CreatedJob:
    """Create the Job of a function, and return it. `flags` are those of `manifests`, and `SETTINGS`.

    Errors: BuildRequestError, DocumentError; ClusterError and its subclasses.
    """
    job = create_job(kubectl, make_job_objects(flags, environ, view), validate=bool(flags.set))
    runs = f", {job.count} runs" if job.is_indexed else ""
    view.say("job", f"{job.name} in {job.namespace}{runs}")
    return job


def make_job_objects(
    flags: argparse.Namespace, environ: Mapping[str, str], view: RunView
) -> list[dict[str, Any]]:  # fmt: skip
    """Return the objects of one Job with a name of its own. Errors: BuildRequestError, DocumentError."""
    if flags.schedule:
        raise BuildRequestError("`--schedule` is for `ovenbird manifests`: nobody follows a CronJob")
    check_variables(flags.env or (), "job")
    notes: list[str] = []
    retries = 0 if flags.retries is None else flags.retries  # as a run on this machine: once
    values = {**vars(flags), "action": "job", "retries": retries, "env": _list_variables(flags)}
    request = read_request(argparse.Namespace(**values), environ, notes)
    if getattr(flags, "reuse", "") and not keeps_records(request, list_variables(request)):
        raise BuildRequestError(
            "reuse compares a run with those that are recorded, and what this Job records goes with its pod",
            hint="`--store-secret NAME` names a database that runs share, `--files-store s3://...` their files; or a"
            " volume, and `--env OVENBIRD_HOME=PATH` in it",
        )
    request = replace(request, name=make_job_name(request.name), task=_name_claims(request))
    documents = make_objects(request, flags, notes)
    for note in dict.fromkeys(notes):
        view.note(note)
    return documents


def _list_variables(flags: argparse.Namespace) -> list[str]:
    """Return the variables of a run: those of `--env`, and the settings of `ovenbird run`."""
    settings = {name: getattr(flags, name, "") for name in SETTINGS}
    own = [f"OVENBIRD_{name.upper()}={str(value).lower() if value is True else value}"
           for name, value in settings.items() if value]  # fmt: skip
    return [*own, *(flags.env or ())]


def _name_claims(request: ManifestRequest) -> Any:
    """Return the task with claims that all Jobs of the function share, called as `ovenbird manifests` does."""
    volumes = tuple(_name_claim(request.name, volume) for volume in request.task.volumes)
    return replace(request.task, volumes=volumes)


def _name_claim(base: str, volume: Volume) -> Volume:
    if volume.kind != "persistent_volume_claim" or "size" not in volume.spec or volume.claim:
        return volume
    return replace(volume, spec={**volume.spec, "claim_name": f"{base}-{volume.name}"})
