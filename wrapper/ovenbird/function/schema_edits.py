"""Edit JSON Schemas of hints: add missing formats, remove secret defaults."""

from __future__ import annotations

import datetime
import pathlib
from typing import Any, get_args

from ..common.redact import is_secret_name
from .type_hints import field_hints, has_fields, is_pydantic, union_members

_FORMATS = ((datetime.datetime, "date-time"), (datetime.time, "time"), (pathlib.Path, "path"))
_INNER = ("items", "additionalProperties")


def add_formats(schema: dict[str, Any], hint: Any, named: dict[str, Any], visited: set[int] | None = None) -> None:
    """Add `format` to the schemas of dates with a time, of times and of paths, which msgspec leaves out.

    The schemas of classes are in `named`; each class is visited once.
    """
    visited = set() if visited is None else visited
    kinds, parts = union_members(hint), schema.get("anyOf", [schema])
    for kind, word in _FORMATS:
        if kind in kinds and str not in kinds:
            for part in parts:
                if part.get("type") == "string":
                    part.setdefault("format", word)
    for kind in kinds:
        if arguments := get_args(kind):
            inner = [part[word] for part in parts for word in _INNER if isinstance(part.get(word), dict)]
            for part in inner:
                add_formats(part, arguments[-1] if arguments[-1] is not Ellipsis else arguments[0], named, visited)
        elif has_fields(kind) and not is_pydantic(kind) and id(kind) not in visited:
            visited.add(id(kind))
            _add_class_formats(kind, named, visited)


def _add_class_formats(kind: Any, named: dict[str, Any], visited: set[int]) -> None:
    fields = named.get(kind.__name__, {}).get("properties", {})
    for name, hint in field_hints(kind).items():
        if name in fields:
            add_formats(fields[name], hint, named, visited)


def drop_secret_defaults(node: Any) -> None:
    """Remove the defaults of fields whose names say that they are secret, at any depth, also within other defaults."""
    if isinstance(node, list):
        for item in node:
            drop_secret_defaults(item)
    if not isinstance(node, dict):
        return
    fields = node.get("properties")
    if isinstance(fields, dict):
        for name, field in fields.items():
            if isinstance(field, dict) and is_secret_name(str(name)):
                field.pop("default", None)
    if "default" in node:
        node["default"] = _drop_secrets(node["default"])
    if node.get("in") == "query" and is_secret_name(str(node.get("name"))):
        node["schema"].pop("default", None)
    for value in node.values():
        drop_secret_defaults(value)


def _drop_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _drop_secrets(part) for name, part in value.items() if not is_secret_name(str(name))}
    return [_drop_secrets(part) for part in value] if isinstance(value, list) else value
