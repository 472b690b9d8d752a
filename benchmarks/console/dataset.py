"""A store with very many runs, written by SQL: records as real runs have them, in sweeps, with metrics and outputs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ovenbird.platform.entities.entity import new_record
from ovenbird.platform.keys import RUN_KIND
from ovenbird.platform.local.database import pack_record
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.store import list_run_columns

PROJECT = "p"
_FUNCTIONS = 20
_OF_SWEEP = 50  # runs in a row that are of one sweep, of each hundred
_PACKAGES = {f"package-{number}": f"{number}.2.3" for number in range(60)}
_MODULE = (
    '"""Functions."""\n\n\ndef train(depth: int, rate: float = 0.5):\n    """Train a model."""\n    return depth\n'
)
_ENTITY = (
    "INSERT INTO entity (project, type, kind, name, id, state, created, updated, function, started, ended, title)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '')"
)


class Dataset(NamedTuple):
    """A folder with a function and a store, and what pages are asked for: a run, a data item, a sweep."""

    folder: Path
    run: str
    item: str
    sweep: str


def make_dataset(folder: Path, runs: int) -> Dataset:
    """Write the store of that many runs, and a tenth as many data items, unless the folder has one.

    Errors: OSError, sqlite3.Error.
    """
    dataset = Dataset(folder, f"{runs - 1:032x}", f"{runs - 10:032x}", _name_sweep(runs - 1))
    if folder.exists():
        return dataset
    folder.mkdir(parents=True)
    (folder / "train.py").write_text(_MODULE)
    store = LocalStore(folder / ".ovenbird")
    functions = [_record_function(store, number) for number in range(_FUNCTIONS)]
    path, home = store.path, store.home
    store.close()
    connection = sqlite3.connect(path)
    try:
        with connection:
            last = connection.execute("SELECT max(seq) FROM entity").fetchone()[0]
            for number, record in enumerate(_make_records(runs, functions), last + 1):
                _insert(connection, number, record, home)
    finally:
        connection.close()
    return dataset


def _record_function(store: LocalStore, number: int) -> str:
    name = "train" if number == 0 else f"train-{number}"
    record = new_record(PROJECT, "function", "python", name, spec={"source": {"handler": "train:train"}})
    record["status"]["state"] = "CREATED"
    store.create(record)
    return str(record["key"])


def _make_records(runs: int, functions: list[str]) -> Iterator[dict[str, Any]]:
    for number in range(runs):
        moment = f"2026-{1 + number // 40_000:02}-{1 + number // 1440 % 28:02}T{number // 60 % 24:02}:{number % 60:02}"
        run = _make_run(number, moment, functions[number // 100 % len(functions)])
        yield run
        if number % 10 == 0:
            item = new_record(PROJECT, "dataitem", "table", f"cities-{number % 5000}", identity=f"{number:032x}")
            item["metadata"]["relationships"] = [{"type": "produced_by", "dest": run["key"]}]
            item["metadata"] |= {"created": f"{moment}:00.000Z", "updated": f"{moment}:00.000Z"}
            item["spec"]["path"] = "/nothing/cities.parquet"
            item["status"]["state"] = "READY"
            yield item


def _make_run(number: int, moment: str, function: str) -> dict[str, Any]:
    identity = f"{number:032x}"
    spec = {"function": function, "parameters": {"depth": number % 9, "rate": 0.1 * (number % 7)}, "inputs": {}}
    record = new_record(PROJECT, "run", RUN_KIND, identity, identity=identity, spec=spec)
    record["metadata"] |= {"created": f"{moment}:00.000Z", "updated": f"{moment}:09.000Z", "name": "run"}
    record["metadata"]["relationships"] = [{"type": "run_of", "dest": function}]
    is_swept = number % 100 >= 100 - _OF_SWEEP
    sweep = {"sweep": _name_sweep(number), "line": number % 100 - _OF_SWEEP + 1} if is_swept else {}
    if is_swept:
        record["metadata"]["labels"] = [f"sweep={_name_sweep(number)}"]
    record["status"] = {
        "state": "ERROR" if number % 50 == 7 else "COMPLETED", "started": f"{moment}:01.000Z",
        "ended": f"{moment}:09.000Z", "parameters": spec["parameters"], "results": {"score": number / 7},
        "outputs": {}, "launch": {"target": "train.py:train", "folder": "/work", "on": "process", **sweep},
        "provenance": {"python": "3.11.7", "packages": _PACKAGES, "source": {"digest": "sha256:" + "0" * 64}},
    }  # fmt: skip
    return record


def _name_sweep(number: int) -> str:
    return f"{number // 100:08x}"


def _insert(connection: sqlite3.Connection, sequence: int, record: dict[str, Any], home: Path) -> None:
    identity = [record[name] for name in ("project", "type", "kind", "name", "id")]
    times = [record["metadata"].get(name) or "" for name in ("created", "updated")]
    columns = list_run_columns(record) if record["type"] == "run" else (None, None, None)
    connection.execute(_ENTITY, (*identity, record["status"]["state"], *times, *columns))
    connection.execute("INSERT INTO body VALUES (?, ?)", (sequence, pack_record(record, home)))
    if record["type"] == "run":
        rows = [(sequence, name, step, 1 / step, 0.0) for name in ("loss", "error") for step in (1, 2, 3)]
        connection.executemany("INSERT INTO metric VALUES (?, ?, ?, ?, ?)", rows)
