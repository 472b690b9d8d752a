"""Metrics as what the script of the page draws: `data-chart` of an element."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

_POINTS = 1000  # of one curve; a longer one is thinned out


def split_metrics(metrics: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return the metrics that are one number, and those that are curves, each as the data of a chart."""
    numbers = {name: value for name, value in metrics.items() if not isinstance(value, (list, tuple)) or len(value) < 2}
    curves = {name: make_chart({name: value}) for name, value in metrics.items() if name not in numbers}
    return {
        name: value[0] if isinstance(value, (list, tuple)) and value else value for name, value in numbers.items()
    }, curves


def make_chart(curves: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of a chart with a curve for each series of numbers, by their steps from 1; NaN is a gap."""
    longest = max(map(len, curves.values()))
    stride = math.ceil(longest / _POINTS)
    steps = [*range(0, longest, stride)]
    if steps[-1] != longest - 1:
        steps.append(longest - 1)
    series = [
        {"label": name, "values": [_finite(values[step]) if step < len(values) else None for step in steps]}
        for name, values in curves.items()
    ]
    return {"x": [step + 1 for step in steps], "series": series}


def _finite(value: Any) -> float | None:
    """Return a number that JSON can hold, None for others."""
    return value if isinstance(value, (int, float)) and math.isfinite(value) else None
