"""The metrics of a run or a model: each is a number, or a series that grows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...common.text import show_value
from ...errors import InputError
from .json_values import clean_text, describe

Value = float | list[float]


def metric_name(name: object) -> str:
    """Return a metric's name as text. Errors: InputError for an empty name."""
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"metric name {describe(name)}: expected a text that is not empty")
    return clean_text(name)


def is_series(value: object) -> bool:
    """Return whether a value holds several numbers: a list, a tuple, an array of any library."""
    if hasattr(value, "tolist"):
        return getattr(value, "ndim", 0) > 0
    return isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping))


def metric_numbers(name: str, value: Any) -> list[float]:
    """Return the numbers of a metric. Errors: InputError with the metric's name and the value."""
    items = value.tolist() if hasattr(value, "tolist") else value
    items = list(items) if is_series(value) else [items]
    try:
        return [_number(item) for item in items]
    except (TypeError, ValueError, OverflowError):
        hint = "a number, or a list of numbers"
        raise InputError(f"metric {show_value(name)} is not a number: {describe(value)}", hint=hint) from None


def merge(before: Value | None, numbers: Sequence[float], *, replace: bool, single: bool) -> Value:
    """Return a metric's value after `numbers` are added.

    A number that is followed by another becomes a series. `replace` drops what was there; `single` keeps the first
    number as a number instead of a series of one.
    """
    if replace or before is None:
        return numbers[0] if single and len(numbers) == 1 else list(numbers)
    return [*(before if isinstance(before, list) else [before]), *numbers]


def json_metrics(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return metrics as JSON values: numbers that are not finite become `"NaN"`, `"Infinity"` or `"-Infinity"`."""
    return {
        name: [_json_number(item) for item in value] if isinstance(value, list) else _json_number(value)
        for name, value in metrics.items()
    }


def _json_number(value: Any) -> Any:
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def _number(item: Any) -> float:
    if isinstance(item, (str, bytes, bytearray)):  # which float() would read
        raise TypeError
    return float(item)  # numbers of any library have __float__
