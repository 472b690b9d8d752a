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
    "OVENBIRD_PARAM": "give what is large as an input (--input NAME=KEY or a URL), or the parameters as a file of a "
    "volume: --volume pvc:params:/params --env OVENBIRD_PARAMS=/params/params.json",
    "OVENBIRD_INIT_PARAMETERS": "have init read what is large from a file of a volume (--volume pvc:data:/data) or "
    "from a URL",
}
_TMP = "/tmp"  # noqa: S108  # the pod's own, and the one place that can be written
_RUNNING, _BUILDING = ("100m", "256Mi"), ("500m", "1Gi")  # CPU and memory where the task says none
BUILDER_PATHS = ("/home/builder", "/var/tmp", "/etc/ovenbird/function", "/etc/ovenbird/registry")  # noqa: S108
_DRAIN_DELAY = "5s"  # until every node has heard that the pod takes no more calls


def variables(wanted: ManifestRequest) -> dict[str, str]:
    """The environment that the manifest gives, without secrets; what the task says wins."""
    task = wanted.task
    own = {"HOME": _TMP, "OVENBIRD_HOME": f"{_TMP}/ovenbird"}
    if wanted.image.digest:
        own["OVENBIRD_IMAGE_DIGEST"] = wanted.image.digest
    init = dict(task.init_parameters)
    given: dict[str, Mapping[str, Any]] = {}
    if wanted.action == "serve":
        own["OVENBIRD_DRAIN_DELAY"] = "0s" if wanted.knative else _DRAIN_DELAY
        init = {**task.parameters, **init}
    else:
        given = {"OVENBIRD_PARAM": task.parameters, "OVENBIRD_INPUT": task.inputs}
    for name, values in {**given, "OVENBIRD_INIT_PARAMETERS": init}.items():
        if values and name in task.envs:
            raise BuildRequestError(f"envs: {name} is made from the task's parameters; leave it out")
        if values:
            own[name] = _escaped(json.dumps(values, ensure_ascii=False))
    if wanted.each:
        own["OVENBIRD_EACH"] = EACH
    return {**own, **task.envs}


def settings(wanted: ManifestRequest) -> Settings:
    """The settings that the runtime will have in the pod. Errors: SpecError for a variable that does not parse."""
    try:
        return resolve("serve" if wanted.action == "serve" else "run", {}, variables(wanted))
    except SettingsError as error:
        raise BuildRequestError(f"envs: {error.message}") from None


def container(wanted: ManifestRequest, args: Sequence[str], **more: Any) -> Document:
    """The container; `more` is put into it where it is not None."""
    task = wanted.task
    found: Document = {"name": CONTAINER, "image": str(wanted.image), "args": list(args)}
    found["imagePullPolicy"] = "IfNotPresent" if wanted.image.digest else "Always"
    found["terminationMessagePolicy"] = "FallbackToLogsOnError"  # the log's end where nothing could be written
    found["env"] = environment(wanted, variables(wanted))
    amounts = {
        name: task.resources[key]
        for key, name in (("cpu", "cpu"), ("mem", "memory"), ("gpu", "nvidia.com/gpu"), ("disk", "ephemeral-storage"))
        if task.resources.get(key, "0") != "0"
    }
    found["resources"] = {"requests": assumed_requests(wanted) | amounts}
    if amounts:
        found["resources"]["limits"] = dict(amounts)
    found |= {key: value for key, value in more.items() if value is not None}
    found["securityContext"] = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": not wanted.writable_root,
    }
    found["volumeMounts"] = [{"name": v["name"], "mountPath": path} for v, path in _volumes(wanted)]
    if wanted.each:
        found["volumeMounts"].append({"name": "each", "mountPath": EACH.rpartition("/")[0], "readOnly": True})
    return found


def assumed_requests(wanted: ManifestRequest) -> dict[str, str]:
    """What is asked for where the task does not say: a pod that asks for nothing is the first to be evicted, and a
    scheduler puts any number of such pods on a node.
    """
    cpu, memory = _BUILDING if wanted.action == "build" else _RUNNING
    found = {"cpu": cpu} if "cpu" not in wanted.task.resources else {}
    return found | ({"memory": memory} if "mem" not in wanted.task.resources else {})


def own_paths(wanted: ManifestRequest) -> tuple[str, ...]:
    """Where the manifest itself mounts something, so that a volume of the task cannot."""
    found = [EACH.rpartition("/")[0]] if wanted.each else []
    return (*found, *BUILDER_PATHS) if wanted.action == "build" else tuple(found)


def check_length(plain: Mapping[str, str]) -> None:
    """Refuse a variable with which the kernel starts no program. Errors: SpecError."""
    for name, value in plain.items():
        size = len(f"{name}={value.replace('$$', '$')}".encode()) + 1  # with the byte that ends it
        if size > _LONGEST:
            raise BuildRequestError(
                f"the variable {name} would have {size} bytes, and Linux takes {_LONGEST} for one",
                hint=_INSTEAD.get(name, "mount a file, by `--volume`, and name its path"),
            )


def environment(wanted: ManifestRequest, plain: Mapping[str, str]) -> list[Document]:
    """The `env` of a container: secrets first, so that `$(NAME)` in a value can name them. Errors: SpecError."""
    check_length(plain)
    secrets = [
        {
            "name": secret.variable,
            "valueFrom": {"secretKeyRef": {"name": secret.secret or wanted.own_secret, "key": secret.key}},
        }
        for secret in wanted.task.secrets
    ]
    return [*secrets, *({"name": name, "value": value} for name, value in plain.items())]


def spec(wanted: ManifestRequest, of: Document, **more: Any) -> Document:
    """The `spec` of a pod that has the one container `of`. Errors: SpecError for two volumes at one path."""
    for item in wanted.task.volumes:
        if item.mount_path in own_paths(wanted):
            raise BuildRequestError(f"volumes: {show_value(item.name)}: the manifest itself mounts {item.mount_path}")
    found: Document = {
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
        "volumes": [volume for volume, _ in _volumes(wanted)],
    }
    return found | account(wanted)


def account(wanted: ManifestRequest) -> Document:
    """Who the pod is, and what it takes its image with."""
    found: Document = {}
    if wanted.service_account:
        found["serviceAccountName"] = wanted.service_account
    if wanted.pull_secret:
        found["imagePullSecrets"] = [{"name": wanted.pull_secret}]
    return found


def _volumes(wanted: ManifestRequest) -> list[tuple[Document, str]]:
    """Volumes and where they lie; /tmp is one of the manifest's own unless the task mounts it."""
    found = [(volume(wanted, item), item.mount_path) for item in wanted.task.volumes]
    if not any(path == _TMP for _, path in found):
        disk = wanted.task.resources.get("disk")
        found.insert(0, ({"name": "tmp", "emptyDir": {"sizeLimit": disk} if disk else {}}, _TMP))
    return found


def volume(wanted: ManifestRequest, item: Volume) -> Document:
    """A volume of the task as one of a pod."""
    if item.kind == "empty_dir":
        fields = {"medium": item.spec.get("medium"), "sizeLimit": item.spec.get("size_limit")}
        return {"name": item.name, "emptyDir": {key: value for key, value in fields.items() if value}}
    if item.kind == "ephemeral":
        return {"name": item.name, "ephemeral": {"volumeClaimTemplate": {"spec": claim(item)}}}
    return {"name": item.name, "persistentVolumeClaim": {"claimName": claim_name(wanted, item)}}


def claim_name(wanted: ManifestRequest, item: Volume) -> str:
    """Return the name of a claim. One that the manifest makes carries the function's: it is deleted with these objects,
    and another function's volume of the same name is another one.
    """
    return item.claim or (f"{wanted.name}-{item.name}" if "size" in item.spec else item.name)


def claim(item: Volume) -> Document:
    """The `spec` of a claim for a volume that has a size."""
    found: Document = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": item.spec["size"]}},
    }
    if item.spec.get("storage_class"):
        found["storageClassName"] = item.spec["storage_class"]
    return found


def _escaped(text: str) -> str:
    """A value in which Kubernetes must not find `$(NAME)`."""
    return text.replace("$", "$$")
