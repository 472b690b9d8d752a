"""Series of a metric: which numbers of many are drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

POINTS = 160  # of a curve; it has as many pixels


class Series(NamedTuple):
    """The numbers of a metric; None stands for one that is not finite."""

    numbers: list[float | None]

    @property
    def finite(self) -> list[float]:
        """Return the numbers that can be drawn."""
        return [number for number in self.numbers if number is not None]


def read_series(value: Any) -> Series:
    """Return the numbers of a metric: one, or a list, in which `NaN` and the like may be text."""
    return Series([_read_number(item) for item in (value if isinstance(value, (list, tuple)) else [value])])


def thin_out(numbers: Sequence[float | None], points: int = POINTS) -> list[float | None]:
    """Return at most `points` numbers: of each stretch its least and its greatest, in their order."""
    if len(numbers) <= points:
        return list(numbers)
    thinned: list[float | None] = []
    stretches = points // 2
    for index in range(stretches):
        part = numbers[index * len(numbers) // stretches : (index + 1) * len(numbers) // stretches]
        places = [place for place, number in enumerate(part) if number is not None]
        if not places:
            thinned += [None, None]
            continue
        extremes = {
            min(places, key=lambda place: part[place] or 0.0),
            max(places, key=lambda place: part[place] or 0.0),
        }
        extremes_in_order = [part[place] for place in sorted(extremes)]
        thinned += extremes_in_order if len(extremes_in_order) == 2 else extremes_in_order * 2
    return thinned


def describe_series(name: str, series: Series) -> str:
    """Return a metric in words: its last number, how many there are, and their range."""
    finite = series.finite
    last = series.numbers[-1] if series.numbers else None
    text = f"{name}: {'not finite' if last is None else f'{last:.6g}'}"
    if len(series.numbers) < 2:
        return text
    text += f", {len(series.numbers)} values"
    if finite:
        text += f" from {min(finite):.4g} to {max(finite):.4g}"
    missing = len(series.numbers) - len(finite)
    return f"{text}, {missing} not finite" if missing else text


def scale_number(number: float, low: float, high: float) -> float:
    """Return where a number lies between two others, 0 to 1. Halves keep the greatest floats finite."""
    span = high / 2 - low / 2
    return (number / 2 - low / 2) / span if span else 0.5


def _read_number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
