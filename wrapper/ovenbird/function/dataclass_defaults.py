"""Give dataclasses that msgspec made the defaults that it leaves on the class.

msgspec does not set a default that the class already holds. The object then lacks the attribute: `vars()` and msgspec's
own encoder do not see it, and a handler that returns the object loses the field.
"""

from __future__ import annotations

import contextlib
import dataclasses
import typing
from collections.abc import Callable
from typing import Any

import msgspec

from .type_hints import is_pydantic

_CONTAINERS = (list, tuple, set, frozenset)


def holds_dataclass(hint: Any) -> bool:
    """Return whether a value of the hint may be, or hold, a dataclass.

    Each class is examined once, however often it is referred to. Classes that pydantic validates are skipped.
    """
    todo: list[Any] = [hint]
    visited: set[int] = set()
    alive: list[Any] = []  # keeps each object alive, as its id may be reused after it
    while todo:
        part = todo.pop()
        if id(part) in visited:
            continue
        visited.add(id(part))
        alive.append(part)
        if type(part).__name__ == "TypeAliasType":
            todo.append(part.__value__)
        elif not isinstance(part, type) or typing.get_args(part):
            todo += (*typing.get_args(part), typing.get_origin(part))  # `Box[int]` may be a `Box` that is a dataclass
        elif is_pydantic(part):
            continue
        elif dataclasses.is_dataclass(part):
            return True
        elif issubclass(part, msgspec.Struct) or typing.is_typeddict(part) or hasattr(part, "_fields"):
            with contextlib.suppress(Exception):  # hints that do not resolve are refused elsewhere
                todo += typing.get_type_hints(part).values()
    return False


def with_defaults(decode: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return `decode`, changed so that its results have all their defaults."""

    def decoded(data: Any) -> Any:
        value = decode(data)
        fill(value)
        return value

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
