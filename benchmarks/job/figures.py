"""The figures of a job, each measured with its reference."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from environments import say
from maps import measure_maps
from processes import FailedError
from python_api import measure_python_api
from sweeps import measure_sweeps
from targets import Target
from timing import measure_command, measure_in_turn, take_medians

FUNCTIONS = Path(__file__).resolve().parent / "functions"
OVENBIRD = (sys.executable, "-m", "ovenbird")
MIB = 1024 * 1024


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    rounds: int = 21
    transfers: int = 3
    size: int = 1024  # MiB of the file
    rows: int = 1_000_000
    runs: int = 100_000
    sweep_rounds: int = 5
    singles: int = 20  # single runs in each round of a sweep
    api_runs: int = 1_000  # runs in one process


def measure(folder: Path, scale: Scale) -> tuple[list[tuple[str, str]], list[Target]]:
    """Measure all figures, and return rows and targets; a figure that failed is a target without a value."""
    lines: list[tuple[str, str]] = []
    all_targets: list[Target] = []
    for measurement in (_start, _python_api, _transfer, _frame, _listing, _sweep, _map):
        work = folder / measurement.__name__.strip("_")
        work.mkdir()
        try:
            rows, targets = measurement(work, scale)
            lines += rows
            all_targets += targets
        except FailedError as error:
            say(f"FAILED: {measurement.__name__.strip('_')}: {error}")
            all_targets.append(Target(f"{measurement.__name__.strip('_')} FAILED", None, 0))
        finally:
            shutil.rmtree(work)
    return lines, all_targets


def _make_environ(home: Path) -> dict[str, str]:
    """Return our environment without what changes a measurement: compiled modules are kept, as usual."""
    variables = {
        name: value for name, value in os.environ.items() if not name.startswith(("OVENBIRD_", "PYTHONDONTWRITE"))
    }
    return {**variables, "OVENBIRD_HOME": str(home)}


def _start(folder: Path, scale: Scale) -> tuple[list[tuple[str, str]], list[Target]]:
    say(f"an empty run, {scale.rounds} rounds")
    empty = str(FUNCTIONS / "empty.py")
    commands = {
        "import": (sys.executable, "-c", "import asyncio, sqlite3"),
        "bare": (sys.executable, str(FUNCTIONS / "bare.py"), empty),
        "run": (*OVENBIRD, "run", empty),
    }
    costs = measure_in_turn(commands, scale.rounds, _make_environ(folder / "home"))
    cost = take_medians(costs)
    names = {"import": "`import asyncio, sqlite3`", "bare": "load and call, no record", "run": "`ovenbird run`, whole"}
    rows = [(names[name], f"{row.seconds * 1000:.0f} ms ({row.cpu * 1000:.0f} ms CPU)") for name, row in cost.items()]
    title = "an empty run to `import asyncio, sqlite3`"
    ratios = [whole.seconds / bare.seconds for whole, bare in zip(costs["run"], costs["import"], strict=True)]
    records = [(whole.seconds - bare.seconds) * 1000 for whole, bare in zip(costs["run"], costs["bare"], strict=True)]
    return rows, [
        Target.of_rounds(title, ratios, 1.3, at_most=True),
        Target.of_rounds("the record over the bare run", records, 20, "ms", at_most=True),
    ]


def _python_api(folder: Path, scale: Scale) -> tuple[list[tuple[str, str]], list[Target]]:
    say(f"the Python API, {scale.rounds} rounds and {scale.api_runs:,} runs")
    return measure_python_api(folder, _make_environ(folder / "home"), scale.rounds, scale.api_runs)


def _transfer(folder: Path, scale: Scale) -> tuple[list[tuple[str, str]], list[Target]]:
    say(f"a file of {scale.size} MiB, {scale.transfers} rounds")
    large, home = folder / "large", folder / "home"
    with large.open("wb") as file:
        for _ in range(scale.size):
            file.write(os.urandom(MIB))
    transfer = str(FUNCTIONS / "transfer.py")
    key = "large=store://default/artifact/artifact/large"
    commands = {
        "empty": (*OVENBIRD, "run", str(FUNCTIONS / "empty.py")),
        "cp": ("cp", "--reflink=auto", str(large), str(folder / "copy")),
        "store": (*OVENBIRD, "run", f"{transfer}:store", "--param", f"path={large}"),
        "fetch": (*OVENBIRD, "run", f"{transfer}:fetch", "--input", key),
    }

    def clear() -> None:  # old copies, but for the version that the next command reads
        (folder / "copy").unlink(missing_ok=True)
        versions = sorted(home.glob("files/default/artifact/large/*"), key=lambda path: path.stat().st_mtime)
        for version in versions[:-1]:
            shutil.rmtree(version)
        os.sync()  # nobody pays for what another one has left to write

    costs = measure_in_turn(commands, scale.transfers, _make_environ(home), clear)
    cost = take_medians(costs)
    words = {
        "cp": "`cp`",
        "store": "a run that returns it, less an empty run",
        "fetch": "a run that takes it by key, less an empty run",
    }
    took = {name: cost[name].seconds - (cost["empty"].seconds if name != "cp" else 0) for name in words}
    rows = [
        (f"{scale.size} MiB: {word}", f"{scale.size / took[name]:,.0f} MiB/s ({cost[name].peak:.0f} MiB at the most)")
        for name, word in words.items()
    ]
    targets = []
    for name in ("store", "fetch"):
        rounds = zip(costs["cp"], costs[name], strict=True)
        ratios = [copy.seconds / (run.seconds - cost["empty"].seconds) for copy, run in rounds]
        targets.append(Target.of_rounds(f"{name}: throughput to cp's", ratios, 0.7))
    peak = max(cost["store"].peak, cost["fetch"].peak)
    return rows, [*targets, Target(f"peak memory with a file of {scale.size} MiB", peak, 150, "MiB", True)]


def _frame(folder: Path, scale: Scale) -> tuple[list[tuple[str, str]], list[Target]]:
    say(f"a DataFrame of {scale.rows:,} rows")
    result = folder / "result.json"
    words = {"rows": scale.rows, "rounds": 11, "folder": folder}
    flags = [word for name, value in words.items() for word in ("--param", f"{name}={value}")]
    command = (*OVENBIRD, "run", f"{FUNCTIONS / 'frame.py'}:compare", *flags, "--result-file", str(result))
    measure_command(command, _make_environ(folder / "home"))
    times = json.loads(result.read_text())["results"]["output_0"]
    rows = [
        (f"{scale.rows:,} rows: `df.to_parquet`", f"{times['own'] * 1000:.0f} ms"),
        (f"{scale.rows:,} rows: stored, with schema, preview and digest", f"{times['stored'] * 1000:.0f} ms"),
    ]
    return rows, [Target.of_rounds("a DataFrame stored to df.to_parquet", times["ratios"], 1.15, at_most=True)]


def _listing(folder: Path, scale: Scale) -> tuple[list[tuple[str, str]], list[Target]]:
    say(f"{scale.runs:,} runs (made in half a minute)")
    _fill(folder / "home", scale.runs)
    costs = measure_in_turn({"list": (*OVENBIRD, "runs", "list")}, 7, _make_environ(folder / "home"))["list"]
    seconds, title = [cost.seconds for cost in costs], f"runs list over {scale.runs:,} runs"
    rows = [(f"`ovenbird runs list` over {scale.runs:,} runs", f"{median(seconds) * 1000:.0f} ms")]
    return rows, [Target.of_rounds(title, seconds, 0.3, "s", at_most=True)]


def _sweep(folder: Path, scale: Scale) -> tuple[list[tuple[str, str]], list[Target]]:
    return measure_sweeps(_make_environ(folder / "home"), scale.sweep_rounds, scale.singles)


def _fill(home: Path, count: int) -> None:
    """Record runs that have ended, as `ovenbird run` does."""
    from ovenbird.platform.entities.entity import new_record
    from ovenbird.platform.local.store import LocalStore
    from ovenbird.platform.store import format_timestamp

    store = LocalStore(home)
    timestamp = format_timestamp()
    for number in range(count):
        record = new_record("default", "run", "python+job:run", "run", spec={"parameters": {"n": number}})
        record["status"] = {
            "state": "COMPLETED",
            "started": timestamp,
            "ended": timestamp,
            "results": {"output_0": number},
        }
        store.create(record)
    store.close()


def _map(folder: Path, scale: Scale) -> tuple[list[tuple[str, str]], list[Target]]:
    return measure_maps(_make_environ(folder / "home"), scale.sweep_rounds)
