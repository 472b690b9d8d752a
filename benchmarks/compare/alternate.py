"""Measure both sides in turn, first one ahead and then the other, so that a change of the machine meets both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, NamedTuple

import summary
from timing import Cost


class Pair(NamedTuple):
    """The figures of one round, of A and of B."""

    a: float
    b: float


def alternate(measure: Callable[[str], Cost], rounds: int) -> list[tuple[Cost, Cost]]:
    """Return the costs of `A` and `B` in each round, after one that does not count."""
    costs = []
    for number in range(rounds + 1):
        order = "AB" if number % 2 else "BA"
        cost = {name: measure(name) for name in order}
        if number:
            costs.append((cost["A"], cost["B"]))
    return costs


def list_pairs(costs: Sequence[tuple[Cost, Cost]], field: str) -> list[Pair]:
    """Return one figure of costs."""
    return [Pair(getattr(first, field), getattr(second, field)) for first, second in costs]


def make_row(part: str, title: str, unit: str, pairs: Sequence[Pair], *, more_is_better: bool = False) -> summary.Row:
    """Return a row of the comparison: the ratio of B to A in each round with its spread, and the medians of both.

    The verdict is `better` or `worse` where the middle half of the ratios lies on one side of 1; less than four rounds
    decide nothing.
    """
    row: dict[str, Any] = summary.make_row(part, title, "x", [pair.b / pair.a for pair in pairs])
    row["a"] = median(pair.a for pair in pairs) if pairs else None
    row["b"] = median(pair.b for pair in pairs) if pairs else None
    row |= {"figures_unit": unit, "more_is_better": more_is_better, "a_rounds": [pair.a for pair in pairs],
            "b_rounds": [pair.b for pair in pairs]}  # fmt: skip
    row["verdict"] = _judge(row, more_is_better=more_is_better)
    return row


def _judge(row: summary.Row, *, more_is_better: bool) -> str:
    if not row["rounds"]:
        return "not measured"
    if len(row["rounds"]) < 4:
        return "too few rounds"
    if row["quartile_1"] <= 1 <= row["quartile_3"]:
        return "no difference"
    return "better" if (row["quartile_1"] > 1) is more_is_better else "worse"
