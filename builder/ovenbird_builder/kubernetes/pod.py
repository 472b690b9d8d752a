"""The pod of a function: its container, what it may do, what is mounted, and what is in its environment."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ovenbird.common.text import show_value
from ovenbird.errors import SettingsError
from ovenbird.settings import Settings, resolve

from ..errors import BuildRequestError
from .request import ManifestRequest
from .volume import Volume

Document = dict[str, Any]

USER, GROUP = 8877, 999  # of the base image
CONTAINER = "function"
EACH = "/etc/ovenbird/each/params.jsonl"
_LONGEST = 128 * 1024  # bytes of one variable, name and all: MAX_ARG_STRLEN of Linux
_INSTEAD = {  # what to do with parameters that are too long for a variable
    "OVENBIRD_PARAM": "give what is large as an input (`--input NAME=KEY` or a URL), or the parameters as a file of a "
    "volume: `--volume pvc:params:/params --env OVENBIRD_PARAMS=/params/params.json`",
    "OVENBIRD_INIT_PARAMETERS": "have init read what is large from a file of a volume (`--volume pvc:data:/data`) or "
    "from a URL",
}
_TMP = "/tmp"  # noqa: S108  # the pod's own, and the one place that can be written
_RUNNING, _BUILDING = ("100m", "256Mi"), ("500m", "1Gi")  # CPU and memory where the task says none
BUILDER_PATHS = ("/home/builder", "/var/tmp", "/etc/ovenbird/function", "/etc/ovenbird/registry")  # noqa: S108  # of a container
_DRAIN_DELAY = "5s"  # until every node has heard that the pod takes no more calls


def list_variables(request: ManifestRequest) -> dict[str, str]:
    """Return the environment that the manifest gives, without secrets; what the task says wins."""
    task = request.task
    own = {"HOME": _TMP, "OVENBIRD_HOME": f"{_TMP}/ovenbird"}
    if request.image.digest:
        own["OVENBIRD_IMAGE_DIGEST"] = request.image.digest
    init = dict(task.init_parameters)
    sources: dict[str, Mapping[str, Any]] = {}
    if request.action == "serve":
        own["OVENBIRD_DRAIN_DELAY"] = "0s" if request.knative else _DRAIN_DELAY
        init = {**task.parameters, **init}
    else:
        sources = {"OVENBIRD_PARAM": task.parameters, "OVENBIRD_INPUT": task.inputs}
    for name, values in {**sources, "OVENBIRD_INIT_PARAMETERS": init}.items():
        if values and name in task.envs:
            raise BuildRequestError(f"envs: `{name}` is made from the task's parameters; leave it out")
        if values:
            own[name] = _escape(json.dumps(values, ensure_ascii=False))
    if request.each:
        own["OVENBIRD_EACH"] = EACH
    return {**own, **task.envs}


def resolve_settings(request: ManifestRequest) -> Settings:
    """Return the settings that the runtime will have in the pod.

    Errors: BuildRequestError for a variable that does not parse.
    """
    try:
        return resolve("serve" if request.action == "serve" else "run", {}, list_variables(request))
    except SettingsError as error:
        raise BuildRequestError(f"envs: {error.message}") from None


def make_container(request: ManifestRequest, args: Sequence[str], **more: Any) -> Document:
    """Return the container; `more` is put into it where it is not None."""
    task = request.task
    fields: Document = {"name": CONTAINER, "image": str(request.image), "args": list(args)}
    fields["imagePullPolicy"] = "IfNotPresent" if request.image.digest else "Always"
    fields["terminationMessagePolicy"] = "FallbackToLogsOnError"  # the log's end where nothing could be written
    fields["env"] = make_env(request, list_variables(request))
    amounts = {
        name: task.resources[key]
        for key, name in (("cpu", "cpu"), ("mem", "memory"), ("gpu", "nvidia.com/gpu"), ("disk", "ephemeral-storage"))
        if task.resources.get(key, "0") != "0"
    }
    fields["resources"] = {"requests": assume_requests(request) | amounts}
    if amounts:
        fields["resources"]["limits"] = dict(amounts)
    fields |= {key: value for key, value in more.items() if value is not None}
    fields["securityContext"] = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": not request.writable_root,
    }
    fields["volumeMounts"] = [{"name": v["name"], "mountPath": path} for v, path in _list_volumes(request)]
    if request.each:
        fields["volumeMounts"].append({"name": "each", "mountPath": EACH.rpartition("/")[0], "readOnly": True})
    return fields


def assume_requests(request: ManifestRequest) -> dict[str, str]:
    """Return the CPU and memory to request where the task says nothing.

    A pod that requests nothing is evicted first, and a scheduler puts any number of such pods on a node.
    """
    cpu, memory = _BUILDING if request.action == "build" else _RUNNING
    requests = {"cpu": cpu} if "cpu" not in request.task.resources else {}
    return requests | ({"memory": memory} if "mem" not in request.task.resources else {})


def list_own_paths(request: ManifestRequest) -> tuple[str, ...]:
    """Return the paths at which the manifest itself mounts something, so that a volume of the task cannot."""
    paths = [EACH.rpartition("/")[0]] if request.each else []
    return (*paths, *BUILDER_PATHS) if request.action == "build" else tuple(paths)


def check_length(plain: Mapping[str, str]) -> None:
    """Refuse a variable with which the kernel starts no program. Errors: BuildRequestError."""
    for name, value in plain.items():
        size = len(f"{name}={value.replace('$$', '$')}".encode()) + 1  # with the byte that ends it
        if size > _LONGEST:
            raise BuildRequestError(
                f"the variable `{name}` would have {size} bytes, and Linux takes {_LONGEST} for one",
                hint=_INSTEAD.get(name, "mount a file, by `--volume`, and name its path"),
            )


def make_env(request: ManifestRequest, plain: Mapping[str, str]) -> list[Document]:
    """Return the `env` of a container: secrets first, so that `$(NAME)` in a value can name them.

    Errors: BuildRequestError.
    """
    check_length(plain)
    secrets = [
        {
            "name": secret.variable,
            "valueFrom": {"secretKeyRef": {"name": secret.secret or request.own_secret, "key": secret.key}},
        }
        for secret in request.task.secrets
    ]
    return [*secrets, *({"name": name, "value": value} for name, value in plain.items())]


def make_spec(request: ManifestRequest, of: Document, **more: Any) -> Document:
    """Return the `spec` of a pod that has the one container `of`.

    Errors: BuildRequestError for two volumes at one path.
    """
    for item in request.task.volumes:
        if item.mount_path in list_own_paths(request):
            raise BuildRequestError(f"volumes: {show_value(item.name)}: the manifest itself mounts {item.mount_path}")
    fields: Document = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,  # a Service called `ovenbird` would else set OVENBIRD_PORT
        **more,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": GROUP,
            "fsGroup": GROUP,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [of],
        "volumes": [volume for volume, _ in _list_volumes(request)],
    }
    return fields | make_account(request)


def make_account(request: ManifestRequest) -> Document:
    """Return the fields for the service account, and for the credentials that the image is pulled with."""
    fields: Document = {}
    if request.service_account:
        fields["serviceAccountName"] = request.service_account
    if request.pull_secret:
        fields["imagePullSecrets"] = [{"name": request.pull_secret}]
    return fields


def _list_volumes(request: ManifestRequest) -> list[tuple[Document, str]]:
    """Return volumes and where they lie; /tmp is one of the manifest's own unless the task mounts it."""
    pairs = [(make_volume(request, item), item.mount_path) for item in request.task.volumes]
    if not any(path == _TMP for _, path in pairs):
        disk = request.task.resources.get("disk")
        pairs.insert(0, ({"name": "tmp", "emptyDir": {"sizeLimit": disk} if disk else {}}, _TMP))
    return pairs


def make_volume(request: ManifestRequest, item: Volume) -> Document:
    """Return a volume of the task as one of a pod."""
    if item.kind == "empty_dir":
        fields = {"medium": item.spec.get("medium"), "sizeLimit": item.spec.get("size_limit")}
        return {"name": item.name, "emptyDir": {key: value for key, value in fields.items() if value}}
    if item.kind == "ephemeral":
        return {"name": item.name, "ephemeral": {"volumeClaimTemplate": {"spec": make_claim(item)}}}
    return {"name": item.name, "persistentVolumeClaim": {"claimName": choose_claim_name(request, item)}}


def choose_claim_name(request: ManifestRequest, item: Volume) -> str:
    """Return the name of a claim. One that the manifest makes carries the function's: it is deleted with these objects,
    and another function's volume of the same name is another one.
    """
    return item.claim or (f"{request.name}-{item.name}" if "size" in item.spec else item.name)


def make_claim(item: Volume) -> Document:
    """Return the `spec` of a claim for a volume that has a size."""
    document: Document = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": item.spec["size"]}},
    }
    if item.spec.get("storage_class"):
        document["storageClassName"] = item.spec["storage_class"]
    return document


def _escape(text: str) -> str:
    """Return a value in which Kubernetes must not find `$(NAME)`."""
    return text.replace("$", "$$")
