"""Columns of a sample of a table: cells as text, missing values, a histogram."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from ovenbird.common.text import cut_text, escape_controls, show_value

from .preview import Bar, ColumnPreview

COLUMNS = 30  # of a page of a table
ROWS = 20  # that are shown
SAMPLE = 1000  # rows that histograms and ranges are made of
_CELL = 120  # characters
_BINS = 20
_WORDS = 10  # most frequent values of a column of texts


def describe_column(name: str, type_name: str, values: Sequence[Any], **known: Any) -> ColumnPreview:
    """Return a column from a sample of its values; `known` are fields of the whole column, such as `missing`."""
    numbers = [number for value in values if (number := _get_number(value)) is not None]
    missing = {"missing": sum(map(_is_missing, values)), "missing_of": len(values)}
    return ColumnPreview(
        name=format_cell(name) or "",
        type=cut_text(type_name, 60),
        cells=tuple(format_cell(value) for value in values[:ROWS]),
        bars=_count_bins(numbers, values) if numbers else _count_words(values),
        is_number=bool(numbers) and not any(isinstance(value, (date, datetime)) for value in values[:ROWS]),
        **{**missing, "range": _format_range(values) if numbers else "", **known},
    )


def format_cell(value: Any) -> str | None:
    """Return a value as one bounded line of text; None where it is missing."""
    if value is None:
        return None
    if isinstance(value, str):
        return cut_text(escape_controls(value[: _CELL * 2]), _CELL)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (bool, date)):
        return str(value)
    return cut_text(show_value(value, _CELL), _CELL)


def format_range(low: Any, high: Any) -> str:
    """Return two numbers or times as a range; empty text for other values, which have an order that says little."""
    if isinstance(low, bool) or not isinstance(low, (int, float, date)):
        return ""
    return " to ".join((format_cell(value) or "").removesuffix(" 00:00:00") for value in (low, high))


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _get_number(value: Any) -> float | None:
    """Return a finite number for a number, a date or a time; None for anything else."""
    if isinstance(value, bool):
        return None
    try:
        if isinstance(value, datetime):
            return value.timestamp()
        if isinstance(value, date):
            return float(value.toordinal())
        number = float(value) if isinstance(value, (int, float)) else math.nan
    except (OverflowError, ValueError, OSError):
        return None
    return number if math.isfinite(number) else None


def _format_range(values: Sequence[Any]) -> str:
    ranked = [(number, value) for value in values if (number := _get_number(value)) is not None]
    return format_range(min(ranked, key=lambda pair: pair[0])[1], max(ranked, key=lambda pair: pair[0])[1])


def _count_bins(numbers: Sequence[float], values: Sequence[Any]) -> tuple[Bar, ...]:
    """Return bars for the finite numbers of a column. Halves keep the span of the greatest floats finite."""
    low, high = min(numbers), max(numbers)
    span = high / 2 - low / 2
    counts = [0] * _BINS
    for number in numbers:
        part = (number / 2 - low / 2) / span if span else 0.5
        counts[min(_BINS - 1, int(part * _BINS))] += 1
    dates = any(isinstance(value, date) for value in values[:ROWS])
    return _make_bars([("" if dates else _format_bin(low, span, index), count) for index, count in enumerate(counts)])


def _format_bin(low: float, span: float, index: int) -> str:
    start, end = (low + span * position / _BINS * 2 for position in (index, index + 1))
    return f"{start:.4g} to {end:.4g}: "


def _count_words(values: Sequence[Any]) -> tuple[Bar, ...]:
    """Return bars for the most frequent values; nothing where each value is another."""
    words = Counter(cell for value in values if (cell := format_cell(value)) is not None)
    if len(words) > len(values) // 2 > 0:
        return ()
    return _make_bars([(f"{word}: ", count) for word, count in words.most_common(_WORDS)])


def _make_bars(counts: Sequence[tuple[str, int]]) -> tuple[Bar, ...]:
    most = max((count for _, count in counts), default=0)
    return tuple(Bar(count / most, f"{label}{count}") for label, count in counts) if most else ()
