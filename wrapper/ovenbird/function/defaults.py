"""Give dataclasses that msgspec made the defaults that it leaves on the class.

msgspec takes a default that the class holds for set. Then it is not among the object's own attributes: `vars()` and
msgspec's own encoder do not see it, and a handler that returns the object loses the field.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable
from typing import Any

import msgspec

_CONTAINERS = (list, tuple, set, frozenset)


def holds_dataclass(hint: Any, seen: frozenset[Any] = frozenset()) -> bool:
    """Whether a value of the hint may be, or hold, a dataclass."""
    if any(hint is known for known in seen):
        return False
    if not isinstance(hint, type) or typing.get_args(hint):
        return any(holds_dataclass(part, seen) for part in typing.get_args(hint))
    if dataclasses.is_dataclass(hint):
        return True
    try:
        parts = typing.get_type_hints(hint)
    except Exception:  # hints that do not resolve are refused elsewhere
        return False
    return any(holds_dataclass(part, seen | {hint}) for part in parts.values())


def filling(decode: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """`decode`, whose result then has all its defaults."""

    def decoded(data: Any) -> Any:
        found = decode(data)
        fill(found)
        return found

    return decoded


def fill(value: Any) -> None:
    """Set the defaults of all dataclasses that a decoded value is or holds."""
    if isinstance(value, dict):
        parts: Any = value.values()
    elif isinstance(value, _CONTAINERS):
        parts = value
    elif isinstance(value, msgspec.Struct):
        parts = [getattr(value, name) for name in value.__struct_fields__]
    elif dataclasses.is_dataclass(value):
        own = getattr(value, "__dict__", None)
        names = [field.name for field in dataclasses.fields(value) if hasattr(value, field.name)]
        parts = [getattr(value, name) for name in names]
        if own is not None:
            own.update({name: part for name, part in zip(names, parts, strict=True) if name not in own})
    else:
        return
    for part in parts:
        fill(part)
