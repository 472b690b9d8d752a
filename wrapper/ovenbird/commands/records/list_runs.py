"""`ovenbird runs list`: the runs, with their parameters, results and metrics as columns."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ...common.text import show_value
from ...common.text_table import fit_columns, format_table
from .output import Verbs, add_verb, cell_text, count, print_json, tell_empty

if TYPE_CHECKING:
    from ...platform.entities.run_summary import Summary
    from ...platform.store import EntityStore

_SHORT = 8  # characters of an id on a terminal, unless two begin alike
_WIDE = 100  # columns of a terminal that does not say how many it has
_PLAIN = ("id", "name", "state", "function", "project", "kind", "started", "ended", "took", "seconds", "note", "key")


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
    from ...api.records.run_query import RunQuery, find_runs

    query = RunQuery(
        options.project, options.name, options.state, options.function, options.since, tuple(options.where),
        options.all, options.limit or None,
    )  # fmt: skip
    runs = find_runs(store, query)
    if not runs.runs:
        tell_empty(store, "runs", options.project)
    columns = options.columns or runs.columns
    cells = runs.select_columns(columns)
    if options.json or not sys.stdout.isatty():
        chosen = [dict(zip(columns, row, strict=True)) for row in zip(*cells.values(), strict=True)]
        print_json(chosen if options.columns else [_format_document(summary) for summary in runs.runs])
        return 0
    print(_format_runs(columns, cells, is_chosen=bool(options.columns)))
    _print_rest(options.limit if runs.is_truncated else 0, runs.hidden)
    return 0


def _format_runs(columns: Sequence[str], cells: Mapping[str, Sequence[Any]], *, is_chosen: bool) -> str:
    """Return the table; columns that were not chosen are left out where the terminal is too narrow."""
    texts = [[cell_text(name, value) for value in cells[name]] for name in columns]
    rows = [list(row) for row in zip(*texts, strict=True)]
    if "id" in columns:
        _shorten(rows, columns.index("id"))
    numbers = [index for index, name in enumerate(columns) if _are_numbers(cells[name])]
    rows.insert(0, [_format_title(name, columns) for name in columns])
    if not is_chosen:
        rows, numbers = _fit_rows(rows, numbers)
    return format_table(rows, numbers)


def _format_document(summary: Summary) -> dict[str, Any]:
    """Return the JSON row of a run."""
    row = {"project": summary["project"], "type": "run", "kind": summary["kind"]}
    return {**row, **summary, "name": summary["name"] or summary["id"]}


def _format_title(column: str, columns: Sequence[str]) -> str:
    """Return the heading of a column: without its prefix where that is clear, a plain field in capitals."""
    from ...display.table_card import shorten_column

    return column.upper() if column in _PLAIN else shorten_column(column, columns)


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
    from ...api.records.run_query import parse_since

    try:
        return parse_since(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected {error}, found {show_value(text)}") from None


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
