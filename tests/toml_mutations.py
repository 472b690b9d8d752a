"""TOML documents in which one field has another type than it should: every field, by every type that TOML has."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

VALUES: tuple[Any, ...] = (
    "", "x", "\x00", "\u202e" + "y" * 3000, 0, -1, 10**200, 1.5, math.inf, math.nan, True, False,
    datetime.date(2020, 1, 2), datetime.time(3, 4, 5), datetime.datetime(2020, 1, 2, 3, 4, 5),
    [], [1], ["x"], [[]], [{}],
    {}, {"x": 1}, {"x": {"y": []}},
)  # fmt: skip


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Return the place of every value in a document, the document itself left out."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from paths(inner, (*path, key))


def mutations(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Return each document with one value replaced, as TOML, and what was replaced by what."""
    for path in paths(document):
        for value in VALUES:
            changed = deepcopy(document)
            section: Any = changed
            for key in path[:-1]:
                section = section[key]
            section[path[-1]] = value
            yield f"{path} = {value!r:.40}", dumps(changed)


def dumps(document: dict[str, Any]) -> str:
    """Return a document as TOML: one line for each of its keys, tables inline."""
    return "".join(f"{json.dumps(key)} = {_value(value)}\n" for key, value in document.items())


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_value(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return str(value)
