"""The arguments of `function.run`, as the platform's SDK has them: checked before anything is started."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..common.did_you_mean import suggest_names
from ..common.redact import mask_variables
from ..common.text import show_value
from ..errors import ArgumentsError

JOB, SERVE, BUILD = "job", "serve", "build"
ACTIONS = (JOB, SERVE, BUILD)
_OF_ALL = ("resources", "volumes", "envs", "secrets", "profile", "labels", "name")
_OF_RUN = ("inputs", "parameters", "init_parameters", "local_execution")
_OF_ACTION = {
    JOB: (*_OF_RUN, "outputs"),  # outputs: named by older versions of the SDK, and by the handler since
    SERVE: (*_OF_RUN, "replicas", "service_type", "service_name"),
    BUILD: ("instructions", "local_execution"),
}
FOR_CLUSTERS = ("resources", "volumes", "profile", "replicas", "service_type", "service_name")
"""Fields that are recorded, and that have no effect on this machine."""
_WITH_SECRETS = ("envs", "inputs", "parameters", "init_parameters")  # whose values no message shows
_RESOURCES = ("cpu", "mem", "gpu", "disk")
_AMOUNT = re.compile(r"\d+(\.\d+)?[a-zA-Z]*")
_VOLUMES = ("persistent_volume_claim", "empty_dir", "ephemeral", "shared_volume")
_SERVICES = ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName")
Check = Callable[[Any], bool]


def check_action(action: object) -> str:
    """Return the action. Errors: ArgumentsError."""
    if action not in ACTIONS:
        hint = suggest_names(str(action), ACTIONS) or "one of " + ", ".join(ACTIONS)
        raise ArgumentsError(f"action is {show_value(action)}", hint=hint)
    return str(action)


def check_fields(action: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that are set. Errors: ArgumentsError for one that the action has not, or of another form."""
    known = (*_OF_ALL, *_OF_ACTION[action])
    for name in fields:
        if name not in known:
            hint = suggest_names(name, known) or "one of " + ", ".join(known)
            raise ArgumentsError(f'run("{action}") has no argument {show_value(name)}', hint=hint)
    present_fields = {name: value for name, value in fields.items() if value is not None}
    for name, value in present_fields.items():
        is_good, form = _FORMS[name]
        if not is_good(value):
            text = f"of type {type(value).__name__}" if name in _WITH_SECRETS else show_value(value)
            raise ArgumentsError(f"{name} is {text}", hint=form)
    return present_fields


def select_recorded(fields: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the fields of those names for the record of a run, which has no values of secret variables."""
    recorded = {name: fields[name] for name in names if name in fields}
    if "envs" in recorded:
        recorded["envs"] = mask_variables(recorded["envs"])
    return recorded


def list_cluster_fields(fields: Mapping[str, Any]) -> list[str]:
    """Return the names of the fields that have no effect on this machine."""
    return [name for name in FOR_CLUSTERS if name in fields and fields[name] not in (1, [], {})]


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(name, str) for name in value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _are_texts(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)


def _are_variables(value: Any) -> bool:
    return _are_mappings(value) and all(
        set(item) == {"name", "value"} and all(isinstance(part, str) for part in item.values()) for item in value
    )


def _are_mappings(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(_is_mapping(item) for item in value)


def _are_resources(value: Any) -> bool:
    return _is_mapping(value) and all(
        name in _RESOURCES and not isinstance(amount, bool) and _AMOUNT.fullmatch(str(amount))
        for name, amount in value.items()
    )


def _are_volumes(value: Any) -> bool:
    return _are_mappings(value) and all(
        item.get("volume_type") in _VOLUMES and _is_text(item.get("name")) and _is_text(item.get("mount_path"))
        for item in value
    )


_FORMS: dict[str, tuple[Check, str]] = {
    "inputs": (_is_mapping, "a mapping of arguments to keys, paths, URLs or entities"),
    "parameters": (_is_mapping, "a mapping of arguments to values"),
    "init_parameters": (_is_mapping, "a mapping of arguments of the init function to values"),
    "outputs": (_is_mapping, "`@handler(outputs=[…])` names the outputs"),
    "local_execution": (_is_flag, "True or False"),
    "instructions": (_are_texts, "a list of texts, each one step of the build"),
    "replicas": (lambda value: type(value) is int and value > 0, "a whole number from 1"),
    "service_type": (lambda value: value in _SERVICES, "one of " + ", ".join(_SERVICES)),
    "service_name": (_is_text, "a text"),
    "resources": (_are_resources, '{"cpu": "500m", "mem": "2Gi", "gpu": "1", "disk": "1Gi"}, or some of these'),
    "volumes": (_are_volumes, '[{"volume_type": "persistent_volume_claim", "name": "data", "mount_path": "/data"}]'),
    "envs": (_are_variables, '[{"name": "LEVEL", "value": "3"}]'),
    "secrets": (_are_texts, "a list of names of the project's secrets"),
    "profile": (_is_text, "a text"),
    "labels": (_are_texts, "a list of texts"),
    "name": (_is_text, "a text"),
}
