"""The fields of a form or query: pairs of a name and a text or file, some names more than once."""

from __future__ import annotations

import typing
from collections.abc import Iterable
from typing import Any

import msgspec

from .hints import core, field_hints, is_many, is_scalar

Pairs = Iterable[tuple[str, Any]]


def grouped(pairs: Pairs) -> dict[str, list[Any]]:
    """All values of each name."""
    found: dict[str, list[Any]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found


def as_hinted(values: list[Any], hint: Any) -> Any:
    """The values of one name in the form that a hint asks for: a list, or the last of them.

    A text that holds JSON is parsed where the hint holds more than a scalar: a part `meta={"a": 1}` beside a file.
    """
    if hint is Any:
        return values if len(values) > 1 else values[0]
    if not is_many(hint):
        return _parsed(values[-1], hint)
    if len(values) == 1 and isinstance(values[0], str) and values[0].startswith("["):
        found = _parsed(values[0], hint)
        if isinstance(found, list):
            return found
    items = typing.get_args(core(hint)) or (Any,)
    return [_parsed(value, items[0]) for value in values]


def as_object(pairs: Pairs, hint: Any) -> dict[str, Any]:
    """Fields as one object for a hint: its own fields say which of them are lists."""
    hints = field_hints(core(hint))
    return {key: as_hinted(values, hints.get(key, Any)) for key, values in grouped(pairs).items()}


def _parsed(value: Any, hint: Any) -> Any:
    if not isinstance(value, str) or value[:1] not in ("{", "[") or hint is Any or is_scalar(hint):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return value
