"""Which kinds Core knows, which fields it keeps of their specs, and what it refuses."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from .refusals import invalid_name, missing_field, missing_project, refused, unknown_python

PROJECT_NAME, NAME = r"^[a-z0-9-]+$", r"^[a-zA-Z0-9._+-]+$"
_PYTHONS = ("PYTHON3_10", "PYTHON3_11", "PYTHON3_12", "PYTHON3_13")
_ACTIONS = ("job", "serve", "build")
_KINDS = {
    "function": ("python", "container", "hydra", "dbt", "kfp"),
    "task": tuple(f"python+{action}" for action in _ACTIONS),
    "run": (*(f"python+{action}:run" for action in _ACTIONS), "dbt+transform:run"),
    "artifact": ("artifact", "docker-image"),
    "dataitem": ("dataitem", "table", "croissant", "iceberg"),
    "model": ("model", "mlflow", "sklearn", "huggingface"),
}
_FUNCTION = {"source", "python_version", "image", "base_image", "requirements", "command", "args"}
_TASK = {
    "function", "inputs", "parameters", "init_parameters", "instructions", "replicas", "service_type", "service_name",
    "service_ports", "volumes", "resources", "envs", "secrets", "profile",
}  # fmt: skip
_FIELDS = {
    "function": _FUNCTION,
    "task": _TASK,
    "run": _FUNCTION | _TASK | {"task", "local_execution"},
    "artifact": {"path", "src_path"},
    "dataitem": {"path", "schema", "table_name"},
    "model": {
        "path", "framework", "algorithm", "parameters", "base_model", "metrics", "flavor", "model_config",
        "input_datasets", "signature",
    },
}  # fmt: skip
MATERIALS = ("artifact", "dataitem", "model")


def check_entity(entity_type: str, body: Mapping[str, Any]) -> None:
    """Raise Refused for an invalid name or a body without a project."""
    if not body.get("project"):
        raise missing_project(entity_type)
    name = body.get("name")
    if name is not None and not re.match(NAME, name):
        raise invalid_name(entity_type, name, NAME)


def filter_spec(entity_type: str, kind: str | None, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a spec that Core keeps. Raise Refused for an unknown kind or a missing field."""
    if entity_type not in _FIELDS:
        return copy.deepcopy(dict(fields))
    if kind not in _KINDS[entity_type]:
        raise refused("No such spec.", 404)
    spec = {
        name: copy.deepcopy(value)
        for name, value in fields.items()
        if name in _FIELDS[entity_type] and value is not None
    }
    if entity_type in MATERIALS and not spec.get("path"):
        raise missing_field("path")
    if entity_type in ("function", "run") and kind and kind.startswith("python"):
        version = spec.get("python_version")
        if version is None and entity_type == "function":
            raise missing_field("python_version")
        if version is not None and version not in _PYTHONS:
            raise unknown_python(version)
    if entity_type == "run":
        for name in ("parameters", "init_parameters", "inputs"):
            spec[name] = {key: value for key, value in (spec.get(name) or {}).items() if value is not None}
    return spec
