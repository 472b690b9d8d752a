"""The JSON text of an output, or why it has none."""

from __future__ import annotations

from math import isfinite
from typing import Any

from ..common.text import show_value
from ..platform.entities.json_values import clean_text, key_text

_DEEPEST = 100  # levels of nesting that are stored as JSON
_TIMES = ("datetime64", "timedelta64")  # their `item()` may be an integer


class NotJsonError(Exception):
    """JSON cannot hold the value. The message names the part of it, by its path, and its type."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem, self.path = problem, ""

    def __str__(self) -> str:
        return f"{show_value(self.path.removeprefix('.')) if self.path else 'it'} {self.problem}"


def encode_json(value: Any) -> bytes:
    """Return the JSON text of a value. Errors: NotJsonError if it holds anything but JSON values and numpy scalars.

    Keys that are numbers become text, unless two keys would be the same. NaN and the infinities become null, as JSON
    has no such numbers. A lone surrogate is escaped.
    """
    import json

    try:
        return json.dumps(_make_plain(value, 0), ensure_ascii=False, allow_nan=False, indent=2).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise NotJsonError(f"is no JSON: {error}") from None


def name_type(value: Any) -> str:
    """Return the name of a value's type, with its module unless that is `builtins`."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _make_plain(value: Any, depth: int) -> Any:
    """Return a value of JSON, with None for each number that is not finite, and with valid Unicode text."""
    if depth > _DEEPEST:
        raise NotJsonError(f"is nested more than {_DEEPEST} levels deep")
    if isinstance(value, dict):
        return _make_object(value, depth)
    if isinstance(value, (list, tuple)):
        return _make_list(value, depth)
    if isinstance(value, str):
        return clean_text(value)
    kind = type(value)
    is_scalar = kind.__module__ == "numpy" and hasattr(value, "item") and not hasattr(value, "__len__")
    plain = value.item() if is_scalar and kind.__name__ not in _TIMES else value
    if plain is None or isinstance(plain, int):
        return plain
    if isinstance(plain, float):
        return plain if isfinite(plain) else None
    raise NotJsonError(f"is of type {name_type(value)}")


def _make_list(value: list[Any] | tuple[Any, ...], depth: int) -> list[Any]:
    items: list[Any] = []
    try:
        for item in value:
            items.append(_make_plain(item, depth + 1))  # noqa: PERF401  # the length is the position of what failed
    except NotJsonError as error:
        error.path = f"[{len(items)}]{error.path}"
        raise
    return items


def _make_object(value: dict[Any, Any], depth: int) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, item in value.items():
        name = _convert_key(key)
        if name in members:
            raise NotJsonError(f"has two keys that are {show_value(name)} as text")
        try:
            members[name] = _make_plain(item, depth + 1)
        except NotJsonError as error:
            error.path = f".{name}{error.path}"
            raise
    return members


def _convert_key(key: Any) -> str:
    """Return a key of a dict as the key of a JSON object. Errors: NotJsonError unless it is text, a number or None."""
    plain = key.item() if type(key).__module__ == "numpy" and hasattr(key, "item") else key
    if not isinstance(plain, (str, int, float, type(None))):
        raise NotJsonError(f"has a key of type {name_type(key)}")
    return key_text(plain)
