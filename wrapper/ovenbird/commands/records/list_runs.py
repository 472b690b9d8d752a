"""`ovenbird runs list`: the runs, with their parameters, results and metrics as columns."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ...common.text import show_value
from ...common.text_table import fit_columns, format_table
from ...common.units import parse_age
from ...errors import InputError
from .output import Verbs, add_verb, cell_text, count, print_json, tell_empty, value_text

if TYPE_CHECKING:
    from ...platform.entities.run_summary import Summary
    from ...platform.store import EntityStore

_SHORT = 8  # characters of an id on a terminal, unless two begin alike
_WIDE = 100  # columns of a terminal that does not say how many it has
_PLAIN = ("id", "name", "state", "function", "project", "kind", "started", "ended", "took", "seconds", "note", "key")
_NO_METRIC = ("param.", "input.", "result.", "tag.")
_SHOWN = ("param", "result", "metric")  # columns that are shown by default


def add(verbs: Verbs, noun: str) -> None:  # noqa: ARG001  # of all verbs
    """Add the verb and its flags."""
    parser = add_verb(verbs, "list", "newest first; a table on a terminal, JSON elsewhere")
    parser.add_argument("--name", metavar="NAME", help="only of this name")
    parser.add_argument("--state", metavar="STATE", help="only in this state")
    parser.add_argument("--function", metavar="NAME|KEY", help="only of this function")
    parser.add_argument(
        "--since", metavar="AGE|TIME", type=_parse_moment, help="only those that began since 2h, 3d, 2024-05-01"
    )
    parser.add_argument(
        "--where", metavar="NAME=VALUE", action="append", default=[], type=_parse_condition,
        help="only with this parameter, result, last metric or tag; repeat for more",
    )  # fmt: skip
    parser.add_argument(
        "--columns",
        metavar="LIST",
        type=_parse_columns,
        help="such as name,n,loss or param.n,result.scores.f1,tag.stage",
    )
    parser.add_argument("--all", action="store_true", help="also runs that never called their function")
    parser.add_argument("--limit", type=count, default=100, metavar="N", help="at most so many; 0 for all [100]")
    parser.add_argument("--json", action="store_true", help="JSON on a terminal too")
    parser.add_argument("--versions", action="store_true", help=argparse.SUPPRESS)  # each run is a version of its own
    parser.set_defaults(do=run)


def run(store: EntityStore, options: argparse.Namespace) -> int:
    """Print the runs; return the exit status."""
    from ...platform.entities.run_summary import collect_columns, select_column

    hidden: list[str] = []
    summaries: list[Summary] = []
    more = False
    for summary in _find_runs(store, options, hidden):
        if options.limit and len(summaries) == options.limit:
            more = True
            break
        summaries.append(summary)
    if not summaries:
        tell_empty(store, "runs", options.project)
    values = [collect_columns(summary) for summary in summaries]
    columns = options.columns or _choose_columns(values)
    cells = {name: select_column(values, name) for name in columns}
    if unknown := [name for name, column in cells.items() if column is None and values]:
        names = ", ".join(dict.fromkeys(name for row in values for name in row))
        raise InputError(
            f"no run listed has a column {', '.join(map(show_value, unknown))}", hint=f"there are: {names}"
        )
    if options.json or not sys.stdout.isatty():
        chosen = [{name: (cells[name] or [])[index] for name in columns} for index in range(len(values))]
        print_json(chosen if options.columns else [_format_document(summary) for summary in summaries])
        return 0
    rows = [[cell_text(name, (cells[name] or [])[index]) for name in columns] for index in range(len(values))]
    if "id" in columns:
        _shorten(rows, columns.index("id"))
    numbers = [index for index, name in enumerate(columns) if _are_numbers(cells[name] or [])]
    rows.insert(0, [_format_title(name, columns) for name in columns])
    if not options.columns:
        rows, numbers = _fit_rows(rows, numbers)
    print(format_table(rows, numbers))
    _print_rest(options.limit if more else 0, len(hidden))
    return 0


def _find_runs(store: EntityStore, options: argparse.Namespace, hidden: list[str]) -> Iterator[Summary]:
    """Yield the requested runs, newest first. Ids of runs that never called their function are added to `hidden`."""
    from ...platform.entities.run_summary import get_function_name, get_run_name, parse_moment, summarize
    from ...platform.keys import parse_key
    from ...platform.queries import parse_state

    state = parse_state(options.state)
    for record in store.iterate_records("run", project=options.project, state=state):
        key = record["spec"].get("function")
        began = parse_moment(record["status"].get("started") or record["metadata"].get("created"))
        if options.since and began and began < options.since:
            continue  # not the end: a run on Core may have begun long after it was made
        if options.name and options.name not in (get_run_name(record), record["id"]):
            continue
        if options.function and options.function not in (key, get_function_name(key)):
            continue
        if not options.all and not record["status"].get("called", True):
            hidden.append(record["id"])
            continue
        brief = summarize(record)
        missing = [(name, text) for name, text in options.where if not _has_value(brief, name, text)]
        if any(name.startswith(_NO_METRIC) for name, _ in missing):
            continue  # without asking for metrics, which Core is asked for one run at a time
        summary = summarize(record, store.read_last_metrics(parse_key(record["key"])))
        if all(_has_value(summary, name, text) for name, text in missing):
            yield summary


def _has_value(summary: Summary, name: str, text: str) -> bool:
    """Return whether a value of the run equals the text, or the JSON value in it."""
    from ...platform.entities.run_summary import collect_columns

    values = collect_columns(summary)
    candidates = [values[name]] if name in values else [v for key, v in values.items() if key.endswith(f".{name}")]
    try:
        expected = json.loads(text)
    except ValueError:
        expected = text
    return any(
        value == text
        or value_text(value) == text
        or (value == expected and isinstance(value, bool) == isinstance(expected, bool))
        for value in candidates
    )


def _format_document(summary: Summary) -> dict[str, Any]:
    """Return the JSON row of a run."""
    row = {"project": summary["project"], "type": "run", "kind": summary["kind"]}
    return {**row, **summary, "name": summary["name"] or summary["id"]}


def _choose_columns(values: Sequence[dict[str, Any]]) -> list[str]:
    """Return the fields of each run, the parameters that differ, the results and the last metrics."""
    columns = ["id", *(["name"] if any(row["name"] for row in values) else []), "state", "function", "started", "took"]
    for prefix in _SHOWN:
        names = dict.fromkeys(name for row in values for name in row if name.startswith(f"{prefix}."))
        if prefix == "param":
            names = {name: None for name in names if _differs(values, name)}
        columns += [name for name in names if all(not isinstance(row.get(name), (list, dict)) for row in values)]
    return columns


def _differs(values: Sequence[dict[str, Any]], name: str) -> bool:
    """Return whether a parameter differs between runs of the functions that have it."""
    functions = {row["function"] for row in values if name in row}
    return len({value_text(row.get(name)) for row in values if row["function"] in functions}) > 1


def _format_title(column: str, columns: Sequence[str]) -> str:
    """Return the heading of a column: without its prefix where that is clear."""
    if "." not in column:
        return column.upper() if column in _PLAIN else column
    short = column.rpartition(".")[2] if column.startswith("result.") else column.partition(".")[2]
    return column if sum(name == short or name.endswith(f".{short}") for name in columns) > 1 else short


def _are_numbers(values: Sequence[Any]) -> bool:
    return all(value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)) for value in values)


def _shorten(rows: list[list[str]], index: int) -> None:
    """Cut ids to the characters that distinguish them."""
    ids = [row[index] for row in rows]
    length = next((size for size in range(_SHORT, 33) if len({text[:size] for text in ids}) == len(ids)), 200)
    for row in rows:
        row[index] = row[index][:length]


def _fit_rows(rows: Sequence[Sequence[str]], numbers: Sequence[int]) -> tuple[list[list[str]], list[int]]:
    """Return the rows with the columns that fit the terminal, and the positions of numbers among them."""
    fitted = fit_columns(rows, shutil.get_terminal_size((_WIDE, 24)).columns)
    last, before = len(fitted[0]) - 1, len(rows[0]) - 1
    if last == before:
        return fitted, list(numbers)
    return fitted, [index for index in numbers if index < last - 1] + ([last] if before in numbers else [])


def _print_rest(limit: int, hidden: int) -> None:
    if limit:
        print(f"the newest {limit}; --limit 0 shows all", file=sys.stderr)
    if hidden:
        runs = "1 run" if hidden == 1 else f"{hidden} runs"
        print(f"{runs} that never called the function: --all shows them too", file=sys.stderr)


def _parse_moment(text: str) -> datetime:
    """Return the moment of `2h`, `3d`, a date or a time. A time without a zone is local."""
    try:
        return datetime.fromtimestamp(time.time() - parse_age(text)).astimezone()
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text.strip().replace("Z", "+00:00")).astimezone()
    except (ValueError, OverflowError, OSError):
        form = "an age such as 30m, 2h or 3d, a date or a time such as 2024-05-01 or 2024-05-01T12:00"
        raise argparse.ArgumentTypeError(f"expected {form}, found {show_value(text)}") from None


def _parse_condition(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, found {show_value(text)}")
    return name, value


def _parse_columns(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError("expected names separated by commas")
    return names
