"""Measure everything, and end in one table and one file: `python benchmarks`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent / "serve"))  # what the benchmarks share lies there

import machine
import summary
from environments import CACHE, OWN, say
from session import raise_ended

HERE = Path(__file__).resolve().parent
PARTS = ("serve", "job", "console", "images", "platform", "build")
_QUICK = {"images": ("--rounds", "1")}  # the others have `--quick`
_PATIENCE = 120.0  # seconds for a part that was told to end: it removes what it has made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the parts one after the other, print the table, write the file; 1 when a part failed."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help="parts that are run, separated by commas [%(default)s]")
    parser.add_argument("--quick", action="store_true", help="few rounds of all: to try the harness")
    options = parser.parse_args(argv)
    names = options.only.split(",")
    if unknown := set(names) - set(PARTS):
        parser.error(f"--only: expected some of {', '.join(PARTS)}; found {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, raise_ended)
    began = datetime.now(timezone.utc)
    described, packages = machine.describe(), machine.describe_packages([OWN])
    figures: dict[str, dict[str, Any]] = {}
    statuses: dict[str, int] = {}
    for name in names:
        (CACHE / f"{name}.json").unlink(missing_ok=True)
        say(f"{name} ...")
        statuses[name] = _run(
            (sys.executable, str(HERE / name), *(_QUICK.get(name, ("--quick",)) if options.quick else ()))
        )
        if (CACHE / f"{name}.json").exists():
            figures[name] = json.loads((CACHE / f"{name}.json").read_text())
    described["load after"] = f"{os.getloadavg()[0]:.2f}"
    rows = summary.list_rows(figures)
    print(f"\n\n{summary.format_summary(described, packages, rows, statuses)}")
    path = CACHE / "bench.json"
    summary.write_summary(path, {
        "began": began.isoformat(timespec="seconds"), "quick": options.quick, "machine": described,
        "packages": packages, "statuses": statuses, "ratios": rows,
    })  # fmt: skip
    say(f"all figures are in {path}")
    return 1 if any(statuses.values()) else 0


def _run(command: Sequence[str]) -> int:
    """Run a part to its end, and return its status; where this process is ended, the part is ended first."""
    process = subprocess.Popen(command)
    try:
        return process.wait()
    except BaseException:
        process.terminate()
        process.wait(_PATIENCE)
        raise


if __name__ == "__main__":
    sys.exit(main())
