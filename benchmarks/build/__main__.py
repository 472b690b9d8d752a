"""Measure builds and their peers: `python benchmarks/build`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

# what the benchmarks share lies there
sys.path.extend(str(Path(__file__).resolve().parent.parent / name) for name in ("serve", "job", "images"))

import figures
import machine
from contenders import Containerfile, Ovenbird
from environments import OWN, say
from ground import Ground, prepare_ground, read_versions
from measures import Rounds, Rows, measure, measure_imports, measure_locks
from processes import FailedError
from session import conclude, make_workplace
from slim import Figures, format_slim, make_slim_targets, measure_slim
from stacks import SCIENTIFIC, STACKS, Stack


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the report, write the figures; 1 when something could not be measured."""
    parser = argparse.ArgumentParser(prog="benchmarks/build", description=__doc__)
    parser.add_argument("--folder", metavar="DIR", help="where to work: it takes 12 GB on a local disk [.cache/bench]")
    parser.add_argument("--rounds", type=int, default=9, help="of what takes a second, and of imports [9]")
    parser.add_argument("--slow-rounds", type=int, default=3, help="of cold builds and changed dependencies [3]")
    parser.add_argument("--lock-rounds", type=int, default=2, help="of locks, after one that does not count [2]")
    parser.add_argument("--quick", action="store_true", help="one round of each: to try the harness")
    options = parser.parse_args(argv)
    rounds = Rounds(1, 1, 1) if options.quick else Rounds(options.rounds, options.slow_rounds, options.lock_rounds)
    described, packages = machine.describe(), machine.describe_packages([OWN])
    rows, faults = Rows(), []
    slim_figures: Figures = {}
    with make_workplace("build", options.folder) as folder, prepare_ground(folder) as at:
        described |= read_versions(at.first_store)
        for stack in STACKS:
            faults += _measure_stack(at, stack, rounds, rows)
        try:
            slim_figures = measure_slim(at, SCIENTIFIC, rounds.slow)
        except FailedError as error:
            faults.append(f"FAILED: slim: {error}")
    described["load after"] = f"{os.getloadavg()[0]:.2f}"
    parts = [
        *(f"## {stack.name}: {stack.title}\n\n" + figures.format_table(rows, stack) for stack in STACKS),
        "## Imports and locks\n\n" + figures.format_others(rows),
        "## Slim images\n\n" + format_slim(slim_figures),
        *(f"**{fault}**" for fault in faults),
    ]
    data = {"rows": [asdict(row) for row in rows], "slim": slim_figures, "faults": faults}
    targets = [*figures.make_targets(rows, faults), *make_slim_targets(slim_figures)]
    return conclude("build", described, packages, parts, data, targets)


def _measure_stack(at: Ground, stack: Stack, rounds: Rounds, rows: Rows) -> list[str]:
    """Measure a stack in every situation; what went wrong. Figures that are lacking are targets without a value."""
    try:
        own, pip, uv = Ovenbird(at, stack), Containerfile(at, stack, "pip"), Containerfile(at, stack, "uv")
        faults = measure(at, stack, (own, pip, uv), rounds, rows)
        if stack is SCIENTIFIC:
            measure_imports(stack, own, pip, rounds, rows)
            measure_locks(at, own, rounds, rows)
        return faults
    except FailedError as error:
        say(f"FAILED: {stack.name}: {error}")
        return [f"FAILED: {stack.name}: {error}"]


if __name__ == "__main__":
    sys.exit(main())
