"""A sweep of 100 lines over as many single runs of the same function, which imports pandas and scikit-learn."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import mean, median

from environments import say
from targets import Target
from timing import Cost, measure_command

FUNCTION = Path(__file__).resolve().parent / "functions" / "scientific.py"
OVENBIRD = (sys.executable, "-m", "ovenbird")
LINES, PARALLEL = 100, 2
BOUND = 0.15


def measure_sweeps(
    environ: Mapping[str, str], rounds: int, singles: int
) -> tuple[list[tuple[str, str]], list[Target]]:  # fmt: skip
    """Return rows and targets. In each round, single runs and then a sweep, whose ratio is taken within the round."""
    say(f"a sweep of {LINES} lines, {rounds} rounds with {singles} single runs in each")
    sweep = (*OVENBIRD, "run", str(FUNCTION), "--parallel", str(PARALLEL))
    grid = ("--grid", "n=" + ",".join(map(str, range(LINES))))
    measure_command((*OVENBIRD, "run", str(FUNCTION), "--param", "n=1"), environ)  # its modules are compiled then
    runs: list[Cost] = []
    sweeps: list[Cost] = []
    ratios: list[float] = []
    cpu_ratios: list[float] = []
    for number in range(rounds):
        batch = [
            measure_command((*OVENBIRD, "run", str(FUNCTION), "--param", f"n={number}"), environ)
            for _ in range(singles)
        ]
        cost = measure_command((*sweep, *grid), environ)
        runs += batch
        sweeps.append(cost)
        ratios.append(cost.seconds / (LINES * mean(single.seconds for single in batch)))
        cpu_ratios.append(cost.cpu / (LINES * mean(single.cpu for single in batch)))
    rows = [
        ("pandas and scikit-learn: a single run", _format_cost(runs)),
        (f"... a sweep of {LINES} lines, `--parallel {PARALLEL}`", _format_cost(sweeps)),
        (f"... over {LINES} single runs: CPU time", f"{median(cpu_ratios):.3f}"),
        ("... over them: time, each round", ", ".join(f"{ratio:.3f}" for ratio in ratios)),
    ]
    title = f"a sweep of {LINES} lines over {LINES} single runs"
    return rows, [Target(title, median(ratios), BOUND, "x", at_most=True, rounds=tuple(ratios))]


def _format_cost(costs: list[Cost]) -> str:
    seconds, cpu = median(cost.seconds for cost in costs), median(cost.cpu for cost in costs)
    return f"{seconds:.2f} s ({cpu:.2f} s CPU)"
