"""Measure jobs beside what they are held against: `python benchmarks/job`."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "serve"))  # what both benchmarks share lies there

import figures
import machine
import report
from environments import CACHE, OWN, say


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the report, write the figures; 1 when something could not be measured.

    A missed target is a figure, not a failure: the report says so and the status stays 0.
    """
    parser = argparse.ArgumentParser(prog="benchmarks/job", description=__doc__)
    parser.add_argument("--folder", metavar="DIR", help="where to work: it takes 4 GiB on a local disk [.cache/bench]")
    parser.add_argument("--quick", action="store_true", help="few rounds and small sizes: to try the harness")
    options = parser.parse_args(argv)
    # Ends as an exception, so that the folder is removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    scale = figures.Scale(3, 1, 64, 100_000, 2_000) if options.quick else figures.Scale()
    described, packages = machine.describe(), machine.packages([OWN])
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.folder or CACHE) as folder:
        seen, targets = figures.measure(Path(folder), scale)
    parts = [
        report.of_machine(described, packages),
        "## Jobs\n\n" + report.table(("what", "measured"), seen, "---"),
        report.of_targets(targets),
    ]
    print("\n\n".join(parts))
    data = {
        "machine": described,
        "packages": packages,
        "scale": asdict(scale),
        "seen": dict(seen),
        "targets": [{**asdict(one), "verdict": one.verdict} for one in targets],
    }
    target = CACHE / "job.json"
    target.write_text(json.dumps(data, indent=1) + "\n")
    say(f"the figures are in {target}")
    return 1 if any(one.value is None for one in targets) else 0


if __name__ == "__main__":
    sys.exit(main())
