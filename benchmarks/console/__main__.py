"""Pages of `ovenbird ui` over very many runs, beside few: `python benchmarks/console`.

A page is asked for within this process, without a browser: its time is that of the server alone. What counts is CPU
time of all threads, which other work on the machine does not change much; the time by the clock stands beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from statistics import median
from typing import NamedTuple
from urllib.parse import quote

import httpx
from dataset import PROJECT, Dataset, make_dataset

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
    """Measure and print a table; 1 where a page exceeds the bound, or asks more than a handful of queries."""
    parser = argparse.ArgumentParser(prog="benchmarks/console", description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000, help="runs in the store [%(default)s]")
    parser.add_argument("--folder", help="where the stores are made, or were by an earlier call [a temporary one]")
    parser.add_argument("--rounds", type=int, default=15, help="answers of each page [%(default)s]")
    options = parser.parse_args(argv)
    place = nullcontext(options.folder) if options.folder else tempfile.TemporaryDirectory(prefix="bench-console-")
    with place as folder:
        few = _measure(make_dataset(Path(folder, "few"), _FEW), options.rounds)
        began = time.monotonic()
        dataset = make_dataset(Path(folder, "many"), options.runs)
        print(f"{options.runs:,} runs were written in {time.monotonic() - began:.0f} s", file=sys.stderr)
        many = _measure(dataset, options.rounds)
    print(
        f"| page | ms with {_FEW} runs | ms with {options.runs:,} | ratio | by the clock | queries | KiB |\n"
        "|---|---:|---:|---:|---:|---:|---:|"
    )
    for page, figure in many.items():
        ratio = figure.milliseconds / few[page].milliseconds
        times = (few[page].milliseconds, figure.milliseconds)
        cells = [page, *(f"{value:.1f}" for value in times), f"{ratio:.2f}", f"{figure.elapsed:.0f}"]
        print(f"| {' | '.join(cells)} | {figure.queries} | {figure.size / 1024:.0f} |")
    slow = [page for page, figure in many.items() if figure.milliseconds > BOUND or figure.queries > QUERIES]
    print(
        f"\nBound: {BOUND:g} ms and {QUERIES} queries: {'kept by all' if not slow else 'missed by ' + ', '.join(slow)}"
    )
    return 1 if slow else 0


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
