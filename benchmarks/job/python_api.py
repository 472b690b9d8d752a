"""The Python API: its import, a run in the same process, a run in a child, and memory over many runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from processes import FailedError
from targets import Target
from timing import measure_in_turn, take_medians

FUNCTIONS = Path(__file__).resolve().parent / "functions"
FLAT = 4.0  # MiB that memory may grow over the runs: SQLite fills its cache, of 2 MiB
_BARE = "ovenbird_bare"


def measure_python_api(
    folder: Path, environ: Mapping[str, str], rounds: int, runs: int
) -> tuple[list[tuple[str, str]], list[Target]]:  # fmt: skip
    """Return rows and targets."""
    rows, targets = _measure_import(folder, environ, rounds)
    here = _measure_here(folder, environ, rounds, runs)
    growth = here["after"][0] - here["before"][0]
    rows += [
        ('an empty function, `on="here"`, whole', f"{median(here['whole']):.1f} ms CPU"),
        (
            f"resident memory before and after {runs:,} such runs",
            f"{here['before'][0]:.1f}, {here['after'][0]:.1f} MiB",
        ),
    ]
    targets += [
        Target.of_rounds('`run(on="here")` above the record, CPU', here["above"], 15, "ms", at_most=True),
        Target(f"memory is flat: growth over {runs:,} runs", growth, FLAT, "MiB", at_most=True),
    ]
    return rows, targets


def _measure_import(
    folder: Path, environ: Mapping[str, str], rounds: int
) -> tuple[list[tuple[str, str]], list[Target]]:  # fmt: skip
    """Compare `import ovenbird` with the import of an empty package, and a run in a child with the command."""
    (folder / _BARE).mkdir()
    (folder / _BARE / "__init__.py").touch()
    empty = str(FUNCTIONS / "empty.py")
    commands = {
        "bare": (sys.executable, "-c", f"import sys, {_BARE}"),
        "import": (sys.executable, "-c", "import sys, ovenbird"),
        "command": (sys.executable, "-m", "ovenbird", "run", empty),
        "child": (sys.executable, "-c", f"import ovenbird; ovenbird.run({empty!r})"),
    }
    costs = measure_in_turn(commands, rounds, {**environ, "PYTHONPATH": str(folder)})
    words = {"bare": "`import sys` and an empty package", "import": "`import ovenbird`",
             "child": "`ovenbird.run` in a child, its interpreter and that of the caller"}  # fmt: skip
    medians = take_medians({name: costs[name] for name in words})
    rows = [
        (words[name], f"{row.seconds * 1000:.0f} ms ({row.cpu * 1000:.0f} ms CPU)") for name, row in medians.items()
    ]
    imports = [own.cpu / bare.cpu for own, bare in zip(costs["import"], costs["bare"], strict=True)]
    children = [child.seconds / one.seconds for child, one in zip(costs["child"], costs["command"], strict=True)]
    return rows, [
        Target.of_rounds("`import ovenbird` to a bare package, CPU", imports, 1.1, at_most=True),
        Target.of_rounds("`ovenbird.run` in a child to `ovenbird run`", children, 2.5, at_most=True),
    ]


def _measure_here(folder: Path, environ: Mapping[str, str], rounds: int, runs: int) -> dict[str, list[float]]:
    """Return what the script of runs in one process has measured. Errors: FailedError."""
    command = (sys.executable, str(FUNCTIONS / "here.py"), str(rounds), str(runs))
    done = subprocess.run(command, env=dict(environ), capture_output=True, text=True, cwd=folder, check=False)
    if done.returncode:
        raise FailedError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-300:]}")
    figures = json.loads(done.stdout.splitlines()[-1])
    return {name: value if isinstance(value, list) else [value] for name, value in figures.items()}
