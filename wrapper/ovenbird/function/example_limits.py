"""Fit an example to the limits that a hint sets by `Annotated`: those of msgspec, pydantic and annotated-types."""

from __future__ import annotations

import math
import types
import typing
from typing import Any

_LIMITS = ("ge", "gt", "le", "lt", "multiple_of", "min_length", "max_length")


def find_limits(hint: Any) -> dict[str, Any]:
    """Return the limits of a hint by name, such as `ge` and `min_length`; of a union, those of its first part."""
    limits: dict[str, Any] = {}
    while True:
        if hasattr(hint, "__supertype__"):
            hint = hint.__supertype__
        elif type(hint).__name__ == "TypeAliasType":
            hint = hint.__value__
        elif typing.get_origin(hint) is typing.Annotated:
            hint, *extras = typing.get_args(hint)
            for part in (part for extra in extras for part in (extra, *(getattr(extra, "metadata", None) or ()))):
                values = {name: getattr(part, name, None) for name in _LIMITS}
                limits |= {name: value for name, value in values.items() if value is not None}
        elif typing.get_origin(hint) in (typing.Union, types.UnionType):
            hint = next(member for member in typing.get_args(hint) if member is not type(None))
        else:
            return limits


def fit_example(value: Any, limits: dict[str, Any]) -> Any:
    """Return a number, a text or a list that is within the limits; the value itself where none is for its kind."""
    if not limits or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return _fit_number(value, limits)
    if isinstance(value, (str, list)) and value:
        shortest, longest = limits.get("min_length", 0), limits.get("max_length", len(value))
        return (value * math.ceil(shortest / len(value)) if shortest > len(value) else value)[: max(shortest, longest)]
    return value


def _fit_number(value: float, limits: dict[str, Any]) -> float:
    low, high = limits.get("ge", limits.get("gt")), limits.get("le", limits.get("lt"))
    step = limits.get("multiple_of") or (1 if isinstance(value, int) else 0)
    if low is not None and (value < low or value == limits.get("gt")):
        value = low if "ge" in limits else low + (step or 1)
    if high is not None and (value > high or value == limits.get("lt")):
        value = high if "le" in limits else high - (step or 1)
        if low is not None and value <= low and not step:
            value = (low + high) / 2
    if "multiple_of" in limits:
        return step * (math.ceil(value / step) if high is None else math.floor(value / step))
    return value
