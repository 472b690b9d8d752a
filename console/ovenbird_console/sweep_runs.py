"""The runs of a sweep as the rows of a table, and the sweep that a run is of."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import quote

from ovenbird.platform.entities.run_summary import Summary, format_tags, summarize
from ovenbird.platform.keys import parse_key
from ovenbird.platform.store import FINAL, EntityStore, Record

from .record_fields import get_mapping, get_text

TAG = "sweep"
SEARCH_LIMIT = 1000  # newest runs of a project that are looked through for those of a sweep
MAX_ROWS = 300  # rows of a table
_FURTHER = 200  # runs that are looked at after the first line: lines that go on at once begin in any order
_COLUMNS = 8  # parameters, and results, that have a column
_METRICS_OF = 50  # runs whose metrics a store is asked for that answers for one at a time
_IDENTITY = re.compile(r"[\w.+-]{1,100}", re.ASCII)


@dataclass
class SweepTable:
    """The runs of a sweep in the order of their lines, with the names that have a column; `total` of 0 is not known."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    parameters: list[str] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    total: int = 0
    is_cut: bool = False

    @property
    def count(self) -> int:
        """Return how many runs were found."""
        return self.states.total()

    @property
    def ended_count(self) -> int:
        """Return how many runs have ended."""
        return sum(self.states[state] for state in FINAL)


def find_sweep(record: Record) -> str:
    """Return the sweep that a run is of, by its tag, else by how it was started; empty for none."""
    tag = format_tags(record["metadata"]).get(TAG) or get_text(get_mapping(record["status"], "launch"), TAG)
    return tag if _IDENTITY.fullmatch(tag) else ""


def link_to_sweep(project: str, identity: str) -> str:
    """Return the path of the page of a sweep."""
    return f"/sweeps/{quote(project, safe='')}/{quote(identity, safe='')}"


def find_runs(store: EntityStore, project: str, identity: str, total: int = 0) -> list[Record]:
    """Return the runs of a sweep among the newest of the project, by their lines; `total` is how many there may be."""
    most = max(SEARCH_LIMIT, total + _FURTHER)
    return sorted(_search_runs(store, project, identity, most), key=get_line)


def get_line(record: Record) -> int:
    """Return the number of a run's line in its sweep; 0 for none."""
    line = get_mapping(record["status"], "launch").get("line")
    return line if isinstance(line, int) else 0


def _search_runs(store: EntityStore, project: str, identity: str, rest: int) -> Iterator[Record]:
    """Yield the runs, newest first, and end soon after the first line: those before it are older."""
    for record in store.iterate_records("run", project=project):
        if rest == 0:
            return
        rest -= 1
        if find_sweep(record) == identity:
            yield record
            if get_line(record) == 1:
                rest = min(rest, _FURTHER)


def make_table(
    store: EntityStore, records: Sequence[Record], total: int, *, is_slow: bool = False
) -> SweepTable:  # fmt: skip
    """Return the table of runs: columns for parameters that differ, for results and for metrics that are numbers.

    `is_slow`: the store is asked for metrics one run at a time.
    """
    states = Counter(get_text(record["status"], "state") for record in records)
    shown = list(islice(records, MAX_ROWS))
    asked = shown[:_METRICS_OF] if is_slow else shown
    metrics = store.list_last_metrics([parse_key(record["key"]) for record in asked]) if asked else []
    metrics += [{}] * (len(shown) - len(metrics))
    rows = [_make_row(record, numbers) for record, numbers in zip(shown, metrics, strict=True)]
    differing = [name for name in _list_names(rows, "parameters") if _differs(rows, name)]
    return SweepTable(
        rows, (differing or _list_names(rows, "parameters"))[:_COLUMNS], _list_names(rows, "values")[:_COLUMNS],
        states, max(total, len(records)) if total else 0, len(records) > MAX_ROWS,
    )  # fmt: skip


def _make_row(record: Record, numbers: Mapping[str, float]) -> dict[str, Any]:
    summary: Summary = summarize(record, numbers)
    results = dict(summary["results"])
    if len(results) == 1 and isinstance(only := next(iter(results.values())), dict):  # a handler has returned it
        results = only
    results = {name: value for name, value in results.items() if not isinstance(value, (dict, list))}
    error = get_mapping(record["status"], "error")
    texts = {name: get_text(record["status"], name) for name in ("state", "started", "ended")}
    return {
        **summary, **texts, "line": get_line(record), "values": {**results, **summary["metrics"]},
        "outputs": get_mapping(record["status"], "outputs"),
        "message": get_text(error, "message") or get_text(record["status"], "message"),
    }  # fmt: skip


def _list_names(rows: Sequence[Mapping[str, Any]], part: str) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row[part]))


def _differs(rows: Sequence[Mapping[str, Any]], name: str) -> bool:
    # a run that goes on has those alone that it was given, without the defaults
    values = [row["parameters"][name] for row in rows if name in row["parameters"]]
    return any(value != values[0] or type(value) is not type(values[0]) for value in values)
