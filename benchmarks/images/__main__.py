"""Measure a base image: `python benchmarks/images`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "serve"))  # what the benchmarks share lies there

import figures
import machine
import report
from environments import OWN
from session import conclude, make_workplace


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the report, write the figures; 1 when something could not be measured."""
    parser = argparse.ArgumentParser(prog="benchmarks/images", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="starts of each kind [9]")
    parser.add_argument("--folder", metavar="DIR", help="where to work: it takes 2 GB on a local disk [.cache/bench]")
    options = parser.parse_args(argv)
    described, packages = machine.describe(), machine.describe_packages([OWN])
    with make_workplace("images", options.folder) as folder:
        added, times, targets = figures.measure(folder, options.rounds)
    parts = [
        "## What a base image adds\n\n" + report.format_table(("package", "size"), added),
        "## Start to the first good answer\n\n" + report.format_table(("what", "median"), times),
    ]
    return conclude("images", described, packages, parts, {"added": dict(added), "times": dict(times)}, targets)


if __name__ == "__main__":
    sys.exit(main())
