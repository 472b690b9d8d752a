"""Common parts of the benchmarks: a folder to work in, and the report and figures at the end."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import report
from environments import CACHE, say
from targets import Target


def raise_ended(*_: object) -> None:
    """End by an exception, so that what was started and made is removed; a second signal does not end that."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(143)


@contextmanager
def make_workplace(name: str, parent: str | None) -> Iterator[Path]:
    """A new folder below `parent`, else the benchmarks' cache, which containers may read; removed on every way out."""
    signal.signal(signal.SIGTERM, raise_ended)
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=parent or CACHE)).resolve()
    folder.chmod(0o755)  # the containers' user reads the source in it
    try:
        yield folder
    finally:
        _unmount(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _unmount(folder: Path) -> None:
    """Let go of what engines have mounted in a folder: a store is mounted on itself, and what it runs below it."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mounted in reversed([path for path in mounts if path.startswith(f"{folder}/")]):
        subprocess.run(["umount", mounted], check=False, capture_output=True)


def conclude(
    name: str, machine: dict[str, str], packages: dict[str, str], parts: Sequence[str], data: dict[str, Any],
    targets: Sequence[Target],
) -> int:  # fmt: skip
    """Print the report and write the figures into the cache; 1 when something could not be measured.

    A missed target is a figure, not a failure: the report says so and the status stays 0.
    """
    bounds = [report.format_targets(targets)] if targets else []
    print("\n\n".join((report.format_machine(machine, packages), *parts, *bounds)))
    verdicts = [{**asdict(target), "verdict": target.verdict} for target in targets]
    figures = {"machine": machine, "packages": packages, **data, "targets": verdicts}
    CACHE.mkdir(parents=True, exist_ok=True)
    target = CACHE / f"{name}.json"
    target.write_text(json.dumps(figures, indent=1) + "\n")
    say(f"the figures are in {target}")
    return 1 if any(target.value is None for target in targets) else 0
