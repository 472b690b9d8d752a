"""The fields of a task, each checked for itself: a value, or what is wrong with it added to `problems`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from ovenbird.common.text import show_value

from . import k8s_names, quantity, volume

SERVICE_TYPES = ("ClusterIP", "NodePort", "LoadBalancer")


class SecretRef(Struct, frozen=True):
    """A variable whose value a Secret holds; an empty `secret` stands for the function's own."""

    variable: str
    secret: str
    key: str


def _parse_arguments(name: str, value: Any, problems: list[str]) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) and key and "=" not in key for key in value):
        problems.append(f"{name}: expected a mapping of arguments' names to values")
        return {}
    return value


def _parse_inputs(name: str, value: Any, problems: list[str]) -> dict[str, str]:
    inputs = _parse_arguments(name, value, problems)
    problems += [f"{name}.{key}: expected a key or a URL as text" for key, v in inputs.items() if not _is_text(v)]
    return inputs


def _parse_lines(name: str, value: Any, problems: list[str]) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(_is_text(line) and "\n" not in line for line in value):
        problems.append(f"{name}: expected a list of texts of one line each")
        return ()
    return tuple(value)


def _parse_replicas(name: str, value: Any, problems: list[str]) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 10_000:
        problems.append(f"{name}: expected a whole number from 0, found {show_value(value)}")
        return 0
    return value


def _parse_service_type(name: str, value: Any, problems: list[str]) -> str:
    if value == "ExternalName":
        problems.append(f"{name}: ExternalName is an alias of a name outside the cluster, and leads to no pod")
    elif value not in SERVICE_TYPES:
        problems.append(f"{name}: expected one of {', '.join(SERVICE_TYPES)}, found {show_value(value)}")
    return str(value)


def _parse_service_name(name: str, value: Any, problems: list[str]) -> str:
    if not _is_text(value) or not k8s_names.is_label(value, 63):
        problems.append(
            f"{name}: expected lower-case letters, digits and dashes, at most 63, found {show_value(value)}"
        )
    return str(value)


def _parse_resources(name: str, value: Any, problems: list[str]) -> dict[str, str]:
    if not isinstance(value, dict):
        problems.append(f"{name}: expected a mapping of `cpu`, `mem`, `gpu`, `disk`, found {show_value(value)}")
        return {}
    resources = {}
    for key, raw in value.items():
        if key not in ("cpu", "mem", "gpu", "disk"):
            problems.append(f"{name}.{key}: expected one of `cpu`, `mem`, `gpu`, `disk`")
        elif raw is not None:
            text = "" if isinstance(raw, bool) else str(raw)
            if wrong := quantity.find_problem(key, text):
                problems.append(f"{name}.{key}: {wrong}, found {show_value(raw)}")
            resources[key] = quantity.canonicalize(text)
    return resources


def _parse_envs(name: str, value: Any, problems: list[str]) -> dict[str, str]:
    """No value is ever shown: it may be a secret."""
    if not isinstance(value, list):
        problems.append(f"{name}: expected a list of `{{name, value}}`")
        return {}
    variables: dict[str, str] = {}
    for index, item in enumerate(value):
        where = f"{name}[{index}]"
        if not isinstance(item, dict) or set(item) - {"name", "value"} or "name" not in item:
            problems.append(f"{where}: expected a mapping of `name` and `value`")
        elif not isinstance(item["name"], str) or not k8s_names.is_variable(item["name"]):
            problems.append(f"{where}: expected the name of a variable, found {show_value(item['name'])}")
        elif not isinstance(item.get("value", ""), str | int | float) or isinstance(item.get("value"), bool):
            problems.append(f"{where} ({item['name']}): expected the value as text; quote it")
        elif item["name"] in variables:
            problems.append(f"{where}: {item['name']} is given twice")
        else:
            variables[item["name"]] = str(item.get("value", ""))
    return variables


def _parse_secrets(name: str, value: Any, problems: list[str]) -> tuple[SecretRef, ...]:
    """Return the secrets of `NAME`, `NAME=SECRET` or `NAME=SECRET/KEY`."""
    if not isinstance(value, list):
        problems.append(f"{name}: expected a list of names")
        return ()
    references = []
    for index, item in enumerate(value):
        variable, _, reference = item.partition("=") if isinstance(item, str) else ("", "", "")
        secret, _, key = reference.partition("/")
        malformed = reference.endswith("/") or (secret and not k8s_names.is_subdomain(secret)) or (key and not secret)
        if not k8s_names.is_variable(variable) or malformed:
            problems.append(
                f"{name}[{index}]: expected `NAME`, `NAME=SECRET` or `NAME=SECRET/KEY`, found {show_value(item)}"
            )
        elif key and not k8s_names.is_key(key):
            problems.append(
                f"{name}[{index}]: a key of a Secret has letters, digits, dashes, dots and underscores, at most 253,"
                f" found {show_value(key)}"
            )
        references.append(SecretRef(variable, secret, key or variable))
    return tuple(references)


def _parse_profile(name: str, value: Any, problems: list[str]) -> str:
    if not _is_text(value):
        problems.append(f"{name}: expected the name of a profile, found {show_value(value)}")
    return str(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


CHECKS: dict[str, Callable[[str, Any, list[str]], Any]] = {
    "inputs": _parse_inputs,
    "parameters": _parse_arguments,
    "init_parameters": _parse_arguments,
    "instructions": _parse_lines,
    "replicas": _parse_replicas,
    "service_type": _parse_service_type,
    "service_name": _parse_service_name,
    "volumes": volume.check,
    "resources": _parse_resources,
    "envs": _parse_envs,
    "secrets": _parse_secrets,
    "profile": _parse_profile,
}
