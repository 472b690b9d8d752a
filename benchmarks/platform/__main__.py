"""Measure native mode beside the rendered module, in containers: `python benchmarks/platform`."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "serve"))  # what the benchmarks share lies there
sys.path.append(str(Path(__file__).resolve().parent.parent / "images"))

import figures
import machine
import report
from environments import CACHE, OWN, say


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the report, write the figures; 1 when something could not be measured.

    A missed target is a figure, not a failure: the report says so and the status stays 0.
    """
    parser = argparse.ArgumentParser(prog="benchmarks/platform", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="starts of each kind [5]")
    parser.add_argument("--folder", metavar="DIR", help="where to work: it takes 4 GB on a local disk [.cache/bench]")
    options = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as an exception, so that the folder is removed
    described, packages = machine.describe(), machine.packages([OWN])
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="platform-", dir=options.folder or CACHE))
    folder.chmod(0o755)  # the containers' user reads the source in it
    try:
        rows, targets = figures.measure(folder, options.rounds, 5.0)
    finally:
        subprocess.run(["rm", "-rf", str(folder)], check=False)  # a store's folders are not all ours to enter
    parts = [
        report.of_machine(described, packages),
        "## In the platform\n\n" + report.table(("what", "measured"), rows),
        report.of_targets(targets),
    ]
    print("\n\n".join(parts))
    verdicts = [{**asdict(one), "verdict": one.verdict} for one in targets]
    target = CACHE / "platform.json"
    target.write_text(
        json.dumps({"machine": described, "packages": packages, "rows": dict(rows), "targets": verdicts}, indent=1)
        + "\n"
    )
    say(f"the figures are in {target}")
    return 1 if any(one.value is None for one in targets) else 0


if __name__ == "__main__":
    sys.exit(main())
