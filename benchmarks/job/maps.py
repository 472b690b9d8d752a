"""`Function.map` of 100 empty calls, two at once, in a process that imports `ovenbird` for it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from environments import say
from targets import Target
from timing import Cost, measure_command

EMPTY = Path(__file__).resolve().parent / "functions" / "empty.py"
CALLS, PARALLEL = 100, 2
BOUND = 2.0  # seconds
_SCRIPT = "import sys, ovenbird; list(ovenbird.function(sys.argv[1]).map([{{}}] * {calls}, parallel={parallel}))"


def measure_maps(environ: Mapping[str, str], rounds: int) -> tuple[list[tuple[str, str]], list[Target]]:
    """Return rows and the target: the whole time of the process, its start included."""
    say(f"a map of {CALLS} empty calls, {rounds} rounds")
    costs = [_measure(environ, CALLS) for _ in range(rounds)]
    single = _measure(environ, 1)
    seconds = [cost.seconds for cost in costs]
    cpu = median(cost.cpu for cost in costs)
    rows = [
        (f"`Function.map` of {CALLS} empty calls, `parallel={PARALLEL}`", f"{median(seconds):.2f} s ({cpu:.2f} s CPU)"),
        ("... of one", f"{single.seconds:.2f} s ({single.cpu:.2f} s CPU)"),
    ]
    return rows, [Target.of_rounds(f"a map of {CALLS} empty calls", seconds, BOUND, "s", at_most=True)]


def _measure(environ: Mapping[str, str], calls: int) -> Cost:
    script = _SCRIPT.format(calls=calls, parallel=PARALLEL)
    return measure_command((sys.executable, "-c", script, str(EMPTY)), environ)
