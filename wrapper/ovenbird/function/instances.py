"""Say whether an object of this process fits a hint as it is, with no conversion."""

from __future__ import annotations

import sys
import typing
from collections.abc import Callable, Mapping
from typing import Any

from .type_hints import MANY, is_class, is_class_named, union_members


def is_instance(value: Any, hint: Any) -> bool:
    """Return whether a value is an instance of a hint; the members of its mappings and collections are, too.

    Subclasses fit, but a bool is no number. A protocol that Python cannot examine takes any object.
    """
    return any(_is_member(value, member) for member in union_members(hint))


def with_plain_numbers(value: Any) -> Any:
    """Return a value with Python's numbers for numpy's, also in lists and mappings; the same object without any."""
    if "numpy" not in sys.modules:
        return value
    if is_class_named(type(value), "number", "numpy") or isinstance(value, sys.modules["numpy"].bool_):
        return value.item()
    if type(value) is dict:
        return {key: with_plain_numbers(part) for key, part in value.items()}
    if type(value) in (list, tuple, set, frozenset):
        return type(value)(map(with_plain_numbers, value))
    return value


def _is_member(value: Any, hint: Any) -> bool:
    if hint is Any or isinstance(hint, typing.TypeVar):
        return True
    if hint in (None, type(None)):
        return value is None
    origin, parts = typing.get_origin(hint) or hint, typing.get_args(hint)
    if origin is typing.Literal:
        return any(type(value) is type(part) and value == part for part in parts)
    if origin is type:
        return isinstance(value, type) and (not parts or _is_subclass(value, parts[0]))
    if origin is Callable:
        return callable(value)
    if typing.is_typeddict(origin):
        return _fits_typed_dict(value, origin)
    if not is_class(origin) or (isinstance(value, bool) and origin in (int, float, complex)):
        return False
    try:
        if not isinstance(value, origin):
            return False
    except TypeError:  # a protocol that is not `runtime_checkable`
        return True
    return _fit_parts(value, origin, parts)


def _fit_parts(value: Any, origin: type, parts: tuple[Any, ...]) -> bool:
    """Return whether the members of a mapping or a collection fit; those of an iterator are left alone."""
    if not parts:
        return True
    if issubclass(origin, Mapping) and len(parts) == 2:
        return all(is_instance(key, parts[0]) and is_instance(part, parts[1]) for key, part in value.items())
    if origin is tuple and parts[1:] != (...,):
        return len(value) == len(parts) and all(map(is_instance, value, parts))
    return origin not in MANY or all(is_instance(part, parts[0]) for part in value)


def _fits_typed_dict(value: Any, hint: Any) -> bool:
    hints = typing.get_type_hints(hint)
    return (
        isinstance(value, dict)
        and hint.__required_keys__ <= value.keys() <= hints.keys()
        and all(is_instance(part, hints[name]) for name, part in value.items())
    )


def _is_subclass(value: type, hint: Any) -> bool:
    return any(not is_class(member) or issubclass(value, member) for member in union_members(hint))
