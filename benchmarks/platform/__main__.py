"""Compare native mode with the rendered module, in containers: `python benchmarks/platform`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

# what the benchmarks share lies there; the double of Core and the rendered module are the tests'
sys.path.extend(str(Path(__file__).resolve().parent.parent / name) for name in ("serve", "images", ".."))

import figures
import machine
import report
from environments import OWN
from session import conclude, make_workplace


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the report, write the figures; 1 when something could not be measured."""
    parser = argparse.ArgumentParser(prog="benchmarks/platform", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="starts, and ends, of each kind [5]")
    parser.add_argument("--quick", action="store_true", help="one round of each, no installation: to try the harness")
    parser.add_argument("--folder", metavar="DIR", help="where to work: it takes 4 GB on a local disk [.cache/bench]")
    options = parser.parse_args(argv)
    scale = figures.Scale(1, 0, 1.0) if options.quick else figures.Scale(options.rounds)
    described, packages = machine.describe(), machine.describe_packages([OWN])
    with make_workplace("platform", options.folder) as folder:
        results = figures.measure(folder, scale)
    parts = ["## In the platform\n\n" + report.format_table(("what", "measured"), figures.format_rows(results))]
    return conclude("platform", described, packages, parts, asdict(results), figures.make_targets(results))


if __name__ == "__main__":
    sys.exit(main())
