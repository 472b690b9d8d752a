"""What is compared: speed and start of a service, the start of a job, and builds into the local store."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import speed
from alternate import Pair, alternate, list_pairs, make_row
from environments import say
from live import run_server
from processes import FailedError, cpu_seconds, measure_resident
from revisions import Revision
from servers import Server
from summary import Row
from timing import Cost, measure_command

from builds import StoreBuild

Sides = tuple[Revision, Revision]
_SERVE = "{bin}/python -m ovenbird serve --host 127.0.0.1 --port {port} --drain-delay 0 "  # else as it comes
_HANDLERS = {"async typed": "async_typed.py:handler", "sync typed": "sync_typed.py:handler"}
_FIGURES = (  # of a measurement under load: field, title, unit, whether more is better
    ("requests_per_second", "calls/s", "per s", True),
    ("requests_per_cpu_second", "calls per CPU second", "per s", True),
    ("p99_ms", "p99", "ms", False),
)


@dataclass(frozen=True)
class Scale:
    """How much is measured: rounds under load and their seconds, starts, runs of a job, builds."""

    rounds: int = 9
    seconds: int = 1
    starts: int = 21
    runs: int = 31
    builds: int = 9


def _make_server(side: Revision, kind: str) -> Server:
    title, handler = f"{kind}, {side.name}", _HANDLERS[kind]
    name = f"{side.name}-{handler.partition('_')[0]}"
    return Server(name, title, _SERVE + handler, str(side.programs), variables=side.variables, quiet=True)


def compare_speed(sides: Sides, scale: Scale, _: Path) -> list[Row]:
    """Return rows of calls per second and latency, async and sync, at each number of connections."""
    servers = [_make_server(side, kind) for kind in _HANDLERS for side in sides]
    measured = speed.measure(servers, scale.rounds, scale.seconds)
    for row in measured.values():
        if row.failed or row.absent:
            raise FailedError(f"{row.server.name}: {row.failed or row.absent}")
    rows = []
    for kind in _HANDLERS:
        first, second = (measured[_make_server(side, kind).name] for side in sides)
        for count in speed.CONNECTIONS:
            for field, title, unit, more in _FIGURES:
                figures = zip(first.rounds[count], second.rounds[count], strict=True)
                pairs = [Pair(a[field], b[field]) for a, b in figures]
                where = f"{kind}, {count} connection{'s' if count > 1 else ''}: {title}"
                row = make_row("serve", where, unit, pairs, more_is_better=more)
                shares = map(speed.compute_disturbance, (*first.rounds[count], *second.rounds[count]))
                row["disturbed"] = sum(share > speed.DISTURBED for share in shares)
                rows.append(row)
    return rows


def compare_starts(sides: Sides, scale: Scale, _: Path) -> list[Row]:
    """Return the rows of the start of a service to its first right answer: wall time and CPU time."""
    say(f"start: {scale.starts} of each")
    servers = {side.name: _make_server(side, "async typed") for side in sides}
    costs = alternate(lambda name: _start(servers[name]), scale.starts)
    return [
        make_row("start", "a service to its first answer", "s", list_pairs(costs, "seconds")),
        make_row("start", "a service to its first answer, CPU time", "s", list_pairs(costs, "cpu")),
    ]


def _start(server: Server) -> Cost:
    with run_server(server) as live:
        took = live.wait()
        return Cost(took, _read_cpu_time(live.pid), measure_resident(live.pid))


def _read_cpu_time(pid: int) -> float:
    """Return the seconds that the threads of a process have run; clock ticks are too coarse for a start."""
    paths = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(path.read_text().split()[0]) for path in paths) / 1e9 or cpu_seconds(pid)


def compare_jobs(sides: Sides, scale: Scale, folder: Path) -> list[Row]:
    """Return the rows of an empty run, whole: wall time and CPU time."""
    say(f"job: {scale.runs} empty runs of each")
    (folder / "empty.py").write_text("def handler():\n    pass\n")
    commands = {side.name: (*side.ovenbird, "run", str(folder / "empty.py")) for side in sides}
    environs = {
        side.name: side.make_environ(os.environ) | {"OVENBIRD_HOME": str(folder / f"home-{side.name}")}
        for side in sides
    }  # fmt: skip
    costs = alternate(lambda name: measure_command(commands[name], environs[name]), scale.runs)
    return [
        make_row("job", "an empty run", "s", list_pairs(costs, "seconds")),
        make_row("job", "an empty run, CPU time", "s", list_pairs(costs, "cpu")),
    ]


def compare_builds(sides: Sides, scale: Scale, folder: Path) -> list[Row]:
    """Return the rows of a build into the store: with nothing changed, and with an edited source."""
    if missing := [program for program in ("buildah", "skopeo") if not shutil.which(program)]:
        raise FailedError(f"no engine at hand: {', '.join(missing)} is not installed")
    builds = {side.name: StoreBuild(side, folder / f"build-{side.name}") for side in sides}
    rows = []
    for title, step in (("nothing changed", StoreBuild.build), ("an edited source", StoreBuild.build_edited)):
        say(f"build: {title}, {scale.builds} rounds")
        costs = alternate(lambda name, step=step: step(builds[name]), scale.builds)  # type: ignore[misc]
        rows.append(make_row("build", f"{title}, into the store", "s", list_pairs(costs, "seconds")))
        rows.append(make_row("build", f"{title}, into the store, CPU time", "s", list_pairs(costs, "cpu")))
    return rows


SECTIONS: dict[str, Callable[[Sides, Scale, Path], list[Row]]] = {
    "serve": compare_speed, "start": compare_starts, "job": compare_jobs, "build": compare_builds,
}  # fmt: skip


def measure_sections(
    names: Sequence[str], sides: Sides, scale: Scale, folder: Path
) -> tuple[list[Row], dict[str, str]]:
    """Return the rows of all sections, and the reasons of those that could not be measured."""
    rows: list[Row] = []
    faults: dict[str, str] = {}
    for name in names:
        work = folder / name
        work.mkdir()
        work.chmod(0o755)
        try:
            rows += SECTIONS[name](sides, scale, work)
        except (FailedError, OSError) as error:
            say(f"FAILED: {name}: {error}")
            faults[name] = str(error)
    return rows, faults
