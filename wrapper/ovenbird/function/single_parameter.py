"""A handler whose only parameter takes the whole payload: the object that holds just this parameter stands for it.

`def handler(values: list[float])` takes `[1, 2]` and `{"values": [1, 2]}`, as the same function does in a job.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Mapping
from typing import Any

from ..common.text import show_value
from .type_hints import field_hints, has_fields, hint_text, is_class, is_class_named, is_pydantic, union_members


def can_unwrap(name: str, hint: Any) -> bool:
    """Return whether `{name: value}` stands for `value`: for no hint, and where the hint takes no such object itself.

    A mapping takes any object. A class with fields takes one that has its fields, so its own field `name` wins.
    """
    return all(_can_unwrap(name, member) for member in union_members(hint))


def make_wrapper_finder(name: str) -> Callable[[bytes], object]:
    """Return a test for JSON texts that may be an object whose first key is `name`, in one pass of a pattern."""
    if not name.isascii():  # the key may be written with escapes
        return re.compile(rb"\s*\{").match
    return re.compile(rb'\s*\{\s*"' + name.encode() + rb'"').match


def is_wrapped(data: Any, name: str) -> bool:
    """Return whether parsed data is an object with that key and no other."""
    return isinstance(data, dict) and len(data) == 1 and name in data


def expected_body(name: str, hint: Any, *, unwrapped: bool) -> str:
    """Return what the body should be, for the message of a 422."""
    text = "any JSON value" if hint is Any else hint_text(hint)
    either = f', or an object with "{name}" alone' if unwrapped else ""
    return f"the body is the value of {show_value(name)} ({text}){either}"


def _can_unwrap(name: str, hint: Any) -> bool:
    if hint is Any or hint is object:
        return True
    kind = typing.get_origin(hint) or hint
    if is_class(kind) and issubclass(kind, Mapping) and not has_fields(kind):
        return False
    if any(is_class_named(kind, table, "pandas", "polars") for table in ("DataFrame", "Series")):
        return False  # an object of columns
    if is_pydantic(kind) and (is_class_named(kind, "RootModel", "pydantic") or _takes_more(kind)):
        return False
    return name not in field_hints(hint)


def _takes_more(model: Any) -> bool:
    """Return whether a pydantic model takes fields that it does not declare."""
    config = getattr(model, "model_config", None) or getattr(model, "__pydantic_config__", None) or {}
    return isinstance(config, dict) and config.get("extra") == "allow"
