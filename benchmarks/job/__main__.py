"""Measure jobs and their references: `python benchmarks/job`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "serve"))  # what both benchmarks share lies there

import figures
import machine
import report
from environments import OWN
from session import conclude, make_workplace


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the report, write the figures; 1 when something could not be measured."""
    parser = argparse.ArgumentParser(prog="benchmarks/job", description=__doc__)
    parser.add_argument("--folder", metavar="DIR", help="where to work: it takes 4 GiB on a local disk [.cache/bench]")
    parser.add_argument("--quick", action="store_true", help="few rounds and small sizes: to try the harness")
    options = parser.parse_args(argv)
    scale = figures.Scale(3, 1, 64, 100_000, 2_000, 1, 3, 100) if options.quick else figures.Scale()
    described, packages = machine.describe(), machine.describe_packages([OWN])
    with make_workplace("job", options.folder) as folder:
        lines, targets = figures.measure(folder, scale)
    parts = ["## Jobs\n\n" + report.format_table(("what", "measured"), lines, "---")]
    return conclude("job", described, packages, parts, {"scale": asdict(scale), "seen": dict(lines)}, targets)


if __name__ == "__main__":
    sys.exit(main())
