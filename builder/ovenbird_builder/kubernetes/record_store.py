"""Where the records of a pod go: a store that a Secret names, the platform, a volume, or nowhere."""

from __future__ import annotations

import re

from ovenbird.common.text import show_value

from ..errors import BuildRequestError
from . import k8s_names
from .request import ManifestRequest

STORE = "OVENBIRD_STORE"
_FILES = ("OVENBIRD_FILES_STORE", "DHCORE_DEFAULT_FILES_STORE")


def parse_store_secret(text: str) -> str:
    """Return `NAME[:KEY]` as a secret of a task, `OVENBIRD_STORE=NAME/KEY`. Errors: BuildRequestError."""
    name, colon, key = text.partition(":")
    if not k8s_names.is_subdomain(name) or (colon and not re.fullmatch(r"[-._a-zA-Z0-9]+", key)):
        raise BuildRequestError(
            f"--store-secret: expected the name of a Secret, or `NAME:KEY`, found {show_value(text)}",
            hint=f"`kubectl create secret generic ovenbird-store --from-literal={STORE}=postgresql://...` makes one",
        )
    return f"{STORE}={name}/{key or STORE}"


def choose_files_variable(text: str, action: str) -> dict[str, str]:
    """Return the variable that tells the function where files go. Errors: BuildRequestError for a relative path."""
    if "://" not in text and not text.startswith("/"):
        raise BuildRequestError(
            f"--files-store: expected a URL, or a path in a volume, found {show_value(text)}",
            hint="such as `s3://bucket/folder`",
        )
    return {_FILES[0] if action == "job" else _FILES[1]: text}


def list_store_notes(request: ManifestRequest, variables: dict[str, str]) -> list[str]:
    """Return notes on records and files of a job that would go with its pod; `variables` are those without secrets."""
    names = _list_names(request, variables)
    notes = []
    if STORE in names and not any(text.startswith("psycopg") for text in request.function.requirements):
        notes.append("the image needs psycopg for the store: `psycopg[binary]` belongs to the function's requirements")
    if request.action != "job" or "DHCORE_ENDPOINT" in names or _is_kept(request, variables["OVENBIRD_HOME"]):
        return notes
    if STORE not in names:
        notes.append(
            "what the job records goes with its pod: `--store-secret NAME` names a database, or give the platform's"
            " `DHCORE_ENDPOINT`, or a volume and `--env OVENBIRD_HOME=PATH` in it"
        )
    elif not names & set(_FILES):
        notes.append("files of outputs go with the job's pod: `--files-store s3://...` keeps them")
    return notes


def keeps_records(request: ManifestRequest, variables: dict[str, str]) -> bool:
    """Return whether what a job records outlives its pod: in a database, on the platform, or in a volume."""
    places = {STORE, "DHCORE_ENDPOINT"} & _list_names(request, variables)
    return bool(places) or _is_kept(request, variables["OVENBIRD_HOME"])


def _list_names(request: ManifestRequest, variables: dict[str, str]) -> set[str]:
    """Return the variables that the pod has, with those of Secrets."""
    return {secret.variable for secret in request.task.secrets} | {name for name, value in variables.items() if value}


def _is_kept(request: ManifestRequest, path: str) -> bool:
    """Return whether a path of the pod lies in a volume that outlives it."""
    return any(
        volume.kind in ("persistent_volume_claim", "shared_volume")
        and f"{path}/".startswith(f"{volume.mount_path.rstrip('/')}/")
        for volume in request.task.volumes
    )
