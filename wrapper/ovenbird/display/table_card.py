"""What is shown of several runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .card import Card, Grid
from .cell_text import format_cell, format_moment, format_seconds

_SHORT = 8  # characters of an id


def make_run_table_card(count: int, columns: Mapping[str, Sequence[Any]], notes: Sequence[str] = ()) -> Card:
    """Return a card with a row for each run; a column such as `param.n` is called `n` where no other has this name."""
    cells = [[_format_cell(name, value) for value in values] for name, values in columns.items()]
    rows = list(zip(*cells, strict=True))
    titles = [shorten_column(name, list(columns)) for name in columns]
    return Card("Runs", str(count), parts=[Grid("", titles, rows, "; ".join(notes))])


def shorten_column(name: str, names: Sequence[str]) -> str:
    """Return the heading of a column: without its prefix where that is clear."""
    if "." not in name:
        return name
    short = name.rpartition(".")[2] if name.startswith("result.") else name.partition(".")[2]
    return name if sum(other == short or other.endswith(f".{short}") for other in names) > 1 else short


def _format_cell(column: str, value: Any) -> str:
    if column == "id":
        return str(value)[:_SHORT]
    if column in ("started", "ended", "created", "updated"):
        return format_moment(value)
    return format_seconds(value) if column in ("took", "seconds") else format_cell(value)
