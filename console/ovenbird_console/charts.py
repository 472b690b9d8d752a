"""Metrics as what the script of the page draws: `data-chart` of an element."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

_POINTS = 1000  # of one curve; a longer one is thinned out
Chart = dict[str, Any]
"""`{x, series: [{label, values}]}`, plain JSON: x are steps from 1, a value that is not finite is None."""


def split_metrics(metrics: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Chart]]:
    """Return the metrics that are one number, and those that are curves, each as the data of a chart."""
    numbers = {name: value for name, value in metrics.items() if not is_curve(value)}
    curves = {name: make_chart({name: value}) for name, value in metrics.items() if name not in numbers}
    return {
        name: value[0] if isinstance(value, (list, tuple)) and value else value for name, value in numbers.items()
    }, curves


def is_curve(metric: Any) -> bool:
    """Return whether a metric has more than one number."""
    return isinstance(metric, (list, tuple)) and len(metric) > 1


def make_chart(curves: Mapping[str, Any]) -> Chart:
    """Return the data of a chart with a curve for each series of numbers, or for a number; NaN is a gap."""
    lines = {name: value if isinstance(value, (list, tuple)) else [value] for name, value in curves.items()}
    longest = max(map(len, lines.values()), default=0)
    steps = [*range(0, longest, math.ceil(longest / _POINTS) or 1)]
    if longest and steps[-1] != longest - 1:  # the last value is what people look for
        steps.append(longest - 1)
    series = [
        {"label": name, "values": [_finite(line[step]) if step < len(line) else None for step in steps]}
        for name, line in lines.items()
    ]
    return {"x": [step + 1 for step in steps], "series": series}


def _finite(value: Any) -> float | None:
    """Return a number that JSON can hold, None for others."""
    return value if isinstance(value, (int, float)) and math.isfinite(value) else None
