"""A build as a job in the cluster: the builder's own image, with buildah that needs no root."""

from __future__ import annotations

import json

from ovenbird.common.hashing import hash_text
from ovenbird.common.text import show_value

from ..errors import BuildRequestError, InstructionError
from ..request.run_instruction import parse_instruction_flag
from .metadata import make_labels, make_metadata
from .pod import BUILDER_PATHS, Document, make_account, make_container, make_env, make_spec
from .pod_failure_policy import make_exit_rule, make_policy
from .request import ManifestRequest

USER = 1000  # of the builder's image
HOME, _LARGE, _FUNCTION, _REGISTRY = BUILDER_PATHS
_DOCUMENT = f"{_FUNCTION}/function.yaml"
_ENDING = 30  # seconds to remove working containers
_SPEC, _LAST = 20, 49  # exit statuses of the spec, the source and the lock: the same inputs give the same failure
_UNREACHABLE = (34, 46)  # of these, those of a server that did not answer: worth another attempt


def make_documents(request: ManifestRequest) -> list[Document]:
    """Return the function document as a ConfigMap, and the Job that builds and pushes its image."""
    function = request.function
    if function.local_source is not None or not (function.source or function.code):
        raise BuildRequestError(
            f"--action build: the source {show_value(function.source)} is a file of this machine,"
            " which the cluster cannot read",
            hint="`spec.source.source` as `git+https://...`, `zip+https://...` or `s3://...`,"
            " or code in `spec.source.base64`",
        )
    name = f"{request.name}-{hash_text(request.document)[:10]}"
    config = {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": make_metadata(request, name), "immutable": True,
        "data": {"function.yaml": request.document},
    }  # fmt: skip
    about = make_metadata(request)
    if request.generate_name:
        about = {"generateName": f"{about.pop('name')}-", **about}
    return [config, {"apiVersion": "batch/v1", "kind": "Job", "metadata": about, "spec": _make_spec(request, name)}]


def _as_flag(line: str) -> str:
    """Return an instruction of a task as the builder's flag takes it: `[ -f x ] && y` is a command there too."""
    try:
        parse_instruction_flag(line)
    except InstructionError:
        return json.dumps({"run": line})
    return line


def _make_spec(request: ManifestRequest, config: str) -> Document:
    args = ["build", _DOCUMENT, "--tag", request.tag, "--push"]
    for line in request.task.instructions:
        # `$(pwd)` is the shell's, not Kubernetes'
        args += ["--instruction", _as_flag(line).replace("$", "$$")]
    pod = make_spec(
        request, _make_container(request, args), restartPolicy="Never", terminationGracePeriodSeconds=_ENDING
    )
    pod |= make_account(request)
    pod["securityContext"] = {
        "runAsNonRoot": True,
        "runAsUser": USER,
        "runAsGroup": USER,
        "fsGroup": USER,
        "fsGroupChangePolicy": "OnRootMismatch",
        # a user namespace is made inside, which the default profile refuses
        "seccompProfile": {"type": "Unconfined"},
    }
    pod["volumes"] += [{"name": "home", "emptyDir": {}}, {"name": "large", "emptyDir": {}}]
    pod["volumes"].append({"name": "function", "configMap": {"name": config}})
    if request.registry_secret:
        items = [{"key": ".dockerconfigjson", "path": "config.json"}]
        pod["volumes"].append({"name": "registry", "secret": {"secretName": request.registry_secret, "items": items}})
    hopeless = [code for code in range(_SPEC, _LAST + 1) if code not in _UNREACHABLE]
    job_spec: Document = {
        "backoffLimit": request.further_attempts,
        "podFailurePolicy": make_policy(make_exit_rule("FailJob", *hopeless)),
    }
    if request.ttl is not None:
        job_spec["ttlSecondsAfterFinished"] = request.ttl
    return {**job_spec, "template": {"metadata": {"labels": make_labels(request)}, "spec": pod}}


def _make_container(request: ManifestRequest, args: list[str]) -> Document:
    container_spec = make_container(request, args)
    plain = {"HOME": HOME}
    if request.registry_secret:
        plain["REGISTRY_AUTH_FILE"] = f"{_REGISTRY}/config.json"
    container_spec["env"] = make_env(request, {**plain, **request.task.envs})
    # newuidmap and newgidmap give the builder's user its range of ids: programs with these capabilities as files
    container_spec["securityContext"] |= {
        "allowPrivilegeEscalation": True,
        "capabilities": {"drop": ["ALL"], "add": ["SETUID", "SETGID"]},
    }
    container_spec["volumeMounts"].append({"name": "home", "mountPath": HOME})
    container_spec["volumeMounts"].append({"name": "large", "mountPath": _LARGE})  # for layers
    container_spec["volumeMounts"].append({"name": "function", "mountPath": _FUNCTION, "readOnly": True})
    if request.registry_secret:
        container_spec["volumeMounts"].append({"name": "registry", "mountPath": _REGISTRY, "readOnly": True})
    return container_spec
