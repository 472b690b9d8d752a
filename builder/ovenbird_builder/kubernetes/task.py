"""The fields of a task: read -> checked -> Task. What the platform's own tasks hold, each field for its actions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from ovenbird.common.did_you_mean import did_you_mean
from ovenbird.common.text import show_value
from ovenbird.errors import DocumentError
from ovenbird.function_document import parse

from ..errors import BuildRequestError
from .task_fields import CHECKS, SecretRef
from .volume import Volume

ACTIONS = ("job", "serve", "build")
_ALL = ACTIONS
_FIELDS: dict[str, tuple[str, ...]] = {  # field -> the actions that have it
    "inputs": ("job",),
    "parameters": ("job", "serve"),
    "init_parameters": ("job", "serve"),
    "instructions": ("build",),
    "replicas": ("serve",),
    "service_type": ("serve",),
    "service_name": ("serve",),
    "volumes": _ALL,
    "resources": _ALL,
    "envs": _ALL,
    "secrets": _ALL,
    "profile": _ALL,
}
_FOREIGN = ("function", "task", "local_execution", "run")  # what the platform keeps beside them, and nothing needs here


@dataclass(frozen=True, slots=True)
class Task:
    """The fields of a task, checked. `replicas` is None and text is empty where nothing was said."""

    inputs: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    init_parameters: Mapping[str, Any] = field(default_factory=dict)
    instructions: tuple[str, ...] = ()
    replicas: int | None = None
    service_type: str = ""
    service_name: str = ""
    volumes: tuple[Volume, ...] = ()
    resources: Mapping[str, str] = field(default_factory=dict)
    envs: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[SecretRef, ...] = ()
    profile: str = ""


def read_task(path: Path) -> tuple[str, dict[str, Any]]:
    """Return the action that a task file names (or empty) and its fields, unchecked. Errors: BuildRequestError.

    The file is a task of the platform (`kind: python+job`, `spec: {...}`), or its fields alone.
    """
    try:
        document = parse(path.read_text(encoding="utf-8"), str(path))
    except (OSError, ValueError) as error:  # the latter also for a NUL in the name
        decoding = isinstance(error, UnicodeDecodeError)
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text" if decoding else str(error)
        raise BuildRequestError(f"--task: cannot read {show_value(str(path))}: {reason}") from None
    except DocumentError as error:
        raise BuildRequestError(error.message.replace("the function document", "--task:")) from None
    kind = document.get("kind")
    if kind is None and "spec" not in document:
        return "", document
    kinds = {f"python+{action}{run}": action for action in ACTIONS for run in ("", ":run")}
    action = kinds.get(str(kind), "")
    if kind is not None and not action:
        raise BuildRequestError(
            f"--task: {show_value(str(path))}: expected `kind` to be `python+job`, `python+serve` or"
            f" `python+build`, found {show_value(kind)}"
        )
    fields = document.get("spec") or {}
    if not isinstance(fields, dict):
        raise BuildRequestError(
            f"--task: {show_value(str(path))}: expected `spec` to be a mapping, found {show_value(fields)}"
        )
    return action, fields


def read_parameters(path: Path) -> dict[str, Any]:
    """Return the parameters in a JSON file, or a YAML file called so. Errors: BuildRequestError."""
    name = show_value(str(path))
    try:
        data = path.read_bytes()
        is_yaml = path.suffix in (".yaml", ".yml")
        value = parse(data.decode(), str(path), parameters=True) if is_yaml else json.loads(data.decode("utf-8-sig"))
        value = json.loads(json.dumps(value, allow_nan=False, default=_format_date))
    except OSError as error:
        raise BuildRequestError(f"--params: cannot read {name}: {error.strerror}") from None
    except DocumentError as error:
        raise BuildRequestError(error.message.replace("the function document", "--params:")) from None
    except (ValueError, TypeError, RecursionError) as error:
        raise BuildRequestError(
            f"--params: {name} is not JSON: {error}", hint="JSON, or YAML in a file called `.yaml`"
        ) from None
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise BuildRequestError(f"--params: {name} does not hold a mapping of names to values")
    return value


def _format_date(value: Any) -> str:
    """Return a date of YAML as JSON has it. Errors: TypeError for what is none."""
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"it holds a value of type {type(value).__name__}")


def read_document_fields(raw: Mapping[str, Any], action: str) -> dict[str, Any]:
    """Return the fields of a task that the function document itself holds in `spec`, for this action, unchecked.

    Not its instructions: the build reads the document, and finds them there.
    """
    fields = {name: value for name, value in raw["spec"].items() if action in _FIELDS.get(name, ())}
    fields.pop("instructions", None)
    return fields


def check(fields: Mapping[str, Any], action: str) -> Task:
    """Return a Task for the action from fields. Errors: BuildRequestError that lists every problem."""
    problems: list[str] = []
    checked: dict[str, Any] = {}
    for name, value in fields.items():
        if name in _FOREIGN:
            continue
        if name not in _FIELDS:
            advice = did_you_mean(str(name), _FIELDS, limit=1) or "what it says may be said by `--set`"
            problems.append(f"{name}: not a field of a task; {advice}")
        elif action not in _FIELDS[name]:
            problems.append(f"{name}: a field of {' and '.join(_FIELDS[name])}, not of {action}")
        elif value is not None:
            checked[name] = CHECKS[name](name, value, problems)
    _check_combinations(checked, problems)
    if problems:
        raise BuildRequestError("\n  ".join(("the task is not valid:", *problems)))
    return Task(**checked)


def _check_combinations(fields: Mapping[str, Any], problems: list[str]) -> None:
    """Add the problems of fields that are each right alone to `problems`."""
    variables = [*fields.get("envs", {}), *(secret.variable for secret in fields.get("secrets", ()))]
    problems += [f"envs, secrets: {name} is given twice" for name in sorted({*_find_duplicates(variables)})]
    volumes = fields.get("volumes", ())
    problems += [
        f"volumes: two are called {show_value(name)}" for name in sorted({*_find_duplicates([v.name for v in volumes])})
    ]
    problems += [
        f"volumes: two lie at {show_value(path)}"
        for path in sorted({*_find_duplicates([v.mount_path for v in volumes])})
    ]
    both = sorted(set(fields.get("inputs", {})) & set(fields.get("parameters", {})))
    problems += [f"inputs, parameters: {show_value(name)} is given as both" for name in both]


def _find_duplicates(words: list[str]) -> list[str]:
    return [word for index, word in enumerate(words) if word in words[:index]]
