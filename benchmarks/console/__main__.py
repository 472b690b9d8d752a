"""Pages of `ovenbird ui` over very many runs, beside few: `python benchmarks/console`.

A page is asked for within this process, without a browser: its time is that of the server alone. What counts is CPU
time of all threads, which other work on the machine does not change much; the time by the clock stands beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from statistics import median
from typing import NamedTuple
from urllib.parse import quote

sys.path.append(str(Path(__file__).resolve().parent.parent / "serve"))  # what the benchmarks share lies there

import httpx
import machine
import report
from dataset import PROJECT, Dataset, make_dataset
from environments import OWN, say
from session import conclude, make_workplace
from targets import Target

from ovenbird.platform.keys import run_key
from ovenbird.platform.local import database
from ovenbird_console.app import make_app
from ovenbird_console.console import Console

BOUND = 100.0  # ms of CPU time of a page on the server
QUERIES = 8  # of the store, for one page
_FEW = 100  # runs of the store that is compared with


class Figure(NamedTuple):
    """A page: the median of its CPU time in ms, of its time by the clock, its queries, the bytes of its answer."""

    milliseconds: float
    elapsed: float
    queries: int
    size: int


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the report, write the figures; 1 when something could not be measured."""
    parser = argparse.ArgumentParser(prog="benchmarks/console", description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000, help="runs in the store [%(default)s]")
    parser.add_argument("--folder", help="where the stores are made, or were by an earlier call [a temporary one]")
    parser.add_argument("--rounds", type=int, default=15, help="answers of each page [%(default)s]")
    parser.add_argument("--quick", action="store_true", help="few runs and rounds: to try the harness")
    options = parser.parse_args(argv)
    count, rounds = (1_000, 2) if options.quick else (options.runs, options.rounds)
    described, packages = machine.describe(), machine.describe_packages([OWN])
    with nullcontext(options.folder) if options.folder else make_workplace("console", None) as folder:
        few = _measure(make_dataset(Path(folder, "few"), _FEW), rounds)
        began = time.monotonic()
        dataset = make_dataset(Path(folder, "many"), count)
        say(f"{count:,} runs were written in {time.monotonic() - began:.0f} s")
        many = _measure(dataset, rounds)
    head = ("page", f"ms with {_FEW} runs", f"ms with {count:,}", "ratio", "by the clock", "queries", "KiB")
    lines = [
        (
            page, f"{few[page].milliseconds:.1f}", f"{figure.milliseconds:.1f}",
            f"{figure.milliseconds / few[page].milliseconds:.2f}", f"{figure.elapsed:.0f}", str(figure.queries),
            f"{figure.size / 1024:.0f}",
        ) for page, figure in many.items()
    ]  # fmt: skip
    parts = ["## Pages\n\n" + report.format_table(head, lines)]
    slowest = max(many, key=lambda page: many[page].milliseconds)
    busiest = max(many, key=lambda page: many[page].queries)
    targets = [
        Target(f"slowest page, CPU ({slowest})", many[slowest].milliseconds, BOUND, "ms", at_most=True),
        Target(f"queries of a page ({busiest})", many[busiest].queries, QUERIES, "queries", at_most=True),
    ]
    pages = {page: figure._asdict() for page, figure in many.items()}
    return conclude("console", described, packages, parts, {"runs": count, "pages": pages}, targets)


def _measure(dataset: Dataset, rounds: int) -> dict[str, Figure]:
    statements: list[str] = []
    original = database.open_database

    def open_traced(path: Path) -> sqlite3.Connection:
        connection = original(path)
        connection.set_trace_callback(
            lambda text: statements.append(text) if text.startswith(("SELECT", "WITH")) else None
        )
        return connection

    database.open_database = open_traced
    try:
        return asyncio.run(_ask_pages(dataset, rounds, statements))
    finally:
        database.open_database = original


async def _ask_pages(dataset: Dataset, rounds: int, statements: list[str]) -> dict[str, Figure]:
    console = Console(dataset.folder, {"OVENBIRD_HOME": str(dataset.folder / ".ovenbird")}, "token", 1)
    transport = httpx.ASGITransport(make_app(console))
    headers = {"cookie": "ovenbird_ui_1=token"}
    figures = {}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as client:
        for page, path in _list_pages(dataset).items():
            times, elapsed, counts, size = [], [], [], 0
            for _ in range(rounds + 1):
                statements.clear()
                began, used = time.perf_counter(), time.process_time()
                answer = await client.get(path)
                times.append(1000 * (time.process_time() - used))
                elapsed.append(1000 * (time.perf_counter() - began))
                counts.append(len(statements))
                size = len(answer.content)
                if answer.status_code != 200:
                    raise RuntimeError(f"{path}: {answer.status_code}")
            figures[page] = Figure(median(times[1:]), median(elapsed[1:]), counts[-1], size)
    console.close()
    return figures


def _list_pages(dataset: Dataset) -> dict[str, str]:
    run, key = f"/runs/{PROJECT}/{dataset.run}", quote(str(run_key(PROJECT, dataset.run)))
    two = f"run={PROJECT}/{dataset.run}&run={PROJECT}/{0:032x}"
    return {
        "functions": "/functions", "function": f"/functions/{PROJECT}/train",
        "function in a file": "/function?target=train.py:train",
        "runs": "/runs", "runs, failed": "/runs?state=ERROR", "runs of a project": f"/runs?project={PROJECT}",
        "runs, 500 of them": "/runs?limit=500", "run": run, "run, its live part": f"{run}/body",
        "sweep": f"/sweeps/{PROJECT}/{dataset.sweep}", "data items": "/dataitems",
        "data item": f"/dataitems/{PROJECT}/cities-0",
        "data item, its users": f"/dataitems/{PROJECT}/cities-0/{0:032x}/users",
        "lineage": f"/lineage?key={key}", "compare, the choice": "/compare", "compare": f"/compare?{two}",
        "form": "/run?target=train.py:train",
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
