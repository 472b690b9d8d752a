"""What the process of a run is told: the code, the settings, the parameters; JSON over a pipe, never in argv."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from ..common.text import show_value
from ..errors import ArgumentsError
from ..function.target import Target, from_document
from ..function_document import complete
from ..job.entrypoint import RunTask
from ..settings import Settings

_UNCHANGED = (bytes, bytearray, memoryview)  # JSON would have them as base64, which no receiver tells from text


class ChildRequest(NamedTuple):
    """One run for a child. `is_logged`: its output goes to the run's log alone. `is_bound`: it ends with its parent."""

    target: Target
    settings: Settings
    parameters: Mapping[str, Any]
    launch: Mapping[str, Any]
    identity: str
    is_logged: bool
    is_bound: bool
    task: RunTask | None = None

    def encode(self) -> bytes:
        """Return the request as JSON. Errors: ArgumentsError for a parameter that another process cannot get."""
        document = {
            "target": describe_target(self.target), "settings": describe_settings(self.settings),
            "parameters": make_plain_values(self.parameters),
            "launch": dict(self.launch), "identity": self.identity, "is_logged": self.is_logged,
            "is_bound": self.is_bound, "task": self.task,
        }  # fmt: skip
        return json.dumps(document).encode()

    @classmethod
    def decode(cls, text: bytes) -> ChildRequest:
        """Return the request of a JSON text. Errors: LoadError, DocumentError for a target that is gone."""
        document = json.loads(text)
        settings, task = read_settings(document.pop("settings")), document.pop("task")
        target = find_target(document.pop("target"))
        return cls(target=target, settings=settings, task=RunTask(*task) if task else None, **document)


def describe_target(target: Target) -> dict[str, Any]:
    """Return a target as JSON values."""
    if target.function is None:
        return {"root": str(target.root), "module": target.module, "attribute": target.attribute}
    function = target.function
    source = "" if function.code is not None else str(target.root)
    return {"document": function.raw, "folder": str(function.root), "source": source}


def find_target(fields: Mapping[str, Any]) -> Target:
    """Return the target that `describe_target` has described. Errors: LoadError, DocumentError."""
    if "document" in fields:
        return from_document(complete(fields["document"], Path(fields["folder"])), fields["source"])
    return Target(Path(fields["root"]), fields["module"], fields["attribute"])


def describe_settings(settings: Settings) -> dict[str, Any]:
    """Return the settings that are not the defaults. Errors: ArgumentsError for a value of init that cannot go."""
    changed = {}
    for row in fields(Settings):
        value = getattr(settings, row.name)
        default = row.default_factory() if row.default_factory is not MISSING else row.default
        if value != default:
            changed[row.name] = value
    if settings.init:
        changed["init"] = make_plain_values(settings.init)
    return changed


def read_settings(fields: Mapping[str, Any]) -> Settings:
    """Return the settings that `describe_settings` has described."""
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()
    }
    return Settings(**values)


def make_plain_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters as JSON values. Errors: ArgumentsError, which names the first that cannot go."""
    return {name: make_plain(name, value) for name, value in values.items()}


def make_plain(name: str, value: Any) -> Any:
    """Return a parameter as JSON values. Errors: ArgumentsError, also for keys and bytes that would become texts."""
    try:
        plain = msgspec.to_builtins(value, builtin_types=_UNCHANGED, enc_hook=_convert)
        json.dumps(plain)
        _refuse_other_keys(plain)
    except (TypeError, ValueError, RecursionError, NotImplementedError):
        raise ArgumentsError(
            f"the parameter {show_value(name)} is of type {type(value).__name__}, which another process cannot get",
            hint="numbers, texts, lists, and mappings whose keys are texts can go; a table or bytes in a file go by"
            ' `inputs=`; on="here" takes any object',
        ) from None
    return plain


def _refuse_other_keys(plain: Any) -> None:
    """Raise TypeError for a key that is no text, which JSON would make one."""
    if isinstance(plain, dict):
        if not all(isinstance(key, str) for key in plain):
            raise TypeError
        plain = plain.values()
    elif not isinstance(plain, list | tuple):
        return
    for value in plain:
        _refuse_other_keys(value)


def _convert(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    if callable(dump := getattr(value, "model_dump", None)):  # a model of pydantic
        return dump(mode="json")
    raise NotImplementedError
