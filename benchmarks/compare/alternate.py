"""Measure both sides in turn, first one ahead and then the other, so that a change of the machine meets both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import comb
from statistics import median
from typing import Any, NamedTuple

import summary
from timing import Cost

_FEWEST = 7  # rounds
_CHANCE = 0.02


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

    The verdict is `better` or `worse` where so many rounds agree as chance alone would let in one of fifty comparisons
    at the most (a sign test, two-sided): 7 of 7, 9 of 9, 17 of 21, 23 of 31. Fewer than 7 rounds decide nothing.
    """
    row: dict[str, Any] = summary.make_row(part, title, "x", [pair.b / pair.a for pair in pairs])
    row["a"] = median(pair.a for pair in pairs) if pairs else None
    row["b"] = median(pair.b for pair in pairs) if pairs else None
    row |= {"figures_unit": unit, "more_is_better": more_is_better, "a_rounds": [pair.a for pair in pairs],
            "b_rounds": [pair.b for pair in pairs]}  # fmt: skip
    row["verdict"] = _judge(row, more_is_better=more_is_better)
    return row


def _judge(row: summary.Row, *, more_is_better: bool) -> str:
    ratios = [ratio for ratio in row["rounds"] if ratio != 1]
    if not row["rounds"]:
        return "not measured"
    if len(row["rounds"]) < _FEWEST:
        return "too few rounds"
    above = sum(ratio > 1 for ratio in ratios)
    if compute_sign_test(above, len(ratios)) > _CHANCE:
        return "no difference"
    return "better" if (above > len(ratios) / 2) is more_is_better else "worse"


def compute_sign_test(above: int, count: int) -> float:
    """Return how probable it is by chance that the rounds agree as much or more, whichever side they are on."""
    agreeing = max(above, count - above)
    return min(1.0, 2 * sum(comb(count, number) for number in range(agreeing, count + 1)) / 2**count)
