"""Metrics as text plots: a line over time for each number, drawn with Braille dots."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # the dots of a cell: left column, right column
_EMPTY = 0x2800
_HEIGHT = 8  # lines of a plot


def plot_metrics(metrics: Mapping[str, Any], width: int, *, braille: bool = True) -> str:
    """Return a plot for each series and a line for each single number, in at most `width` columns.

    Without `braille` the line is drawn with asterisks. Numbers that are not finite are left out, and counted.
    """
    plots = []
    for name, value in metrics.items():
        numbers = [_number(item) for item in (value if isinstance(value, list) else [value])]
        finite = [number for number in numbers if math.isfinite(number)]
        title = f"{name}: {_format_short(numbers[-1])}" if numbers else f"{name}: no number"
        if len(finite) > 1:
            title += (
                f"  ({len(numbers)} values, least {_format_short(min(finite))}, greatest {_format_short(max(finite))}"
            )
            title += f", {len(numbers) - len(finite)} not finite)" if len(finite) < len(numbers) else ")"
            title += "\n" + "\n".join(_draw_plot(numbers, finite, width, braille=braille))
        plots.append(title)
    return "\n\n".join(plots)


def _draw_plot(numbers: Sequence[float], finite: Sequence[float], width: int, *, braille: bool) -> list[str]:
    low, high = min(finite), max(finite)
    labels = [_format_short(high), _format_short(low)]
    margin = max(map(len, labels))
    across, up = (2, 4) if braille else (1, 1)
    columns, rows = max(10, width - margin - 2) * across, _HEIGHT * up
    columns = min(columns, max(len(numbers), 20 * across))
    grid = [[False] * columns for _ in range(rows)]
    before: int | None = None
    for column, (least, greatest) in enumerate(_find_ranges(numbers, columns)):
        if least is None or greatest is None:
            before = None
            continue
        first, last = _find_row(greatest, low, high, rows), _find_row(least, low, high, rows)
        if before is not None:  # a line from the point before, so that a jump is seen as one
            first, last = (
                min(first, before + 1 if before < first else first),
                max(last, before - 1 if before > last else last),
            )
        for row in range(first, last + 1):
            grid[row][column] = True
        before = _find_row(least / 2 + greatest / 2, low, high, rows)
    lines = []
    for index in range(_HEIGHT):
        label = labels[0] if index == 0 else labels[1] if index == _HEIGHT - 1 else ""
        lines.append(f"{label:>{margin}} |{_draw_line(grid, index, columns, braille=braille)}".rstrip())
    return lines


def _find_ranges(numbers: Sequence[float], columns: int) -> list[tuple[float | None, float | None]]:
    """Return the least and the greatest number of each column. Several numbers share a column where there are many."""
    ranges: list[tuple[float | None, float | None]] = []
    for column in range(columns):
        begin = column * len(numbers) // columns
        end = max(begin + 1, (column + 1) * len(numbers) // columns)
        part = [number for number in numbers[begin:end] if math.isfinite(number)]
        ranges.append((min(part), max(part)) if part else (None, None))
    return ranges


def _find_row(number: float, low: float, high: float, rows: int) -> int:
    """Return the row of dots for a number, counted from the top. Halves keep the greatest floats finite."""
    span = high / 2 - low / 2
    part = (number / 2 - low / 2) / span if span else 0.5
    return min(rows - 1, max(0, round((1 - part) * (rows - 1))))


def _draw_line(grid: Sequence[Sequence[bool]], index: int, columns: int, *, braille: bool) -> str:
    if not braille:
        return "".join("*" if dot else " " for dot in grid[index])
    cells = []
    for cell in range((columns + 1) // 2):
        code = _EMPTY
        for dx, dots in enumerate(_DOTS):
            for dy, dot in enumerate(dots):
                if cell * 2 + dx < columns and grid[index * 4 + dy][cell * 2 + dx]:
                    code |= dot
        cells.append(chr(code) if code != _EMPTY else " ")
    return "".join(cells)


def _number(value: Any) -> float:
    return float(value)  # also the texts `NaN`, `Infinity` and `-Infinity` of a record


def _format_short(number: float) -> str:
    return f"{number:.4g}"
