"""A card as text for a terminal."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from typing import Any

from ..common.text_table import fit_columns, format_table
from .card import Card, Curves, Fields, Grid, Part, Picture, select_parts
from .cell_text import MOST_FIELDS, cut_lines, format_cell
from .series import describe_series, read_series, scale_number, thin_out

_BLOCKS = "▁▂▃▄▅▆▇█"
_CURVE = 30  # characters of a curve
_WIDE = 100  # columns of a terminal that does not say how many it has
_NARROW = 60  # characters of a cell of a table


def render_text(card: Card) -> str:
    """Return the card in lines."""
    head = " ".join(word for word in (card.kind, format_cell(card.name), format_cell(card.state, 40)) if word)
    facts = "  ".join(f"{name} {format_cell(value)}" for name, value in card.facts.items() if value not in (None, ""))
    lines = [head, *([f"  {facts}"] if facts else [])]
    for part in select_parts(card.parts):
        lines += [f"  {line}" for line in _render_part(part)]
    return "\n".join(lines)


def _render_part(part: Part) -> Iterator[str]:
    if isinstance(part, Picture):
        return
    if part.title:
        yield format_cell(part.title, 300)
    if isinstance(part, Fields):
        yield from _indent(_list_fields(part.values))
    elif isinstance(part, Curves):
        yield from _indent(_list_curves(part.metrics))
    elif isinstance(part, Grid):
        yield from _indent(render_grid(part).splitlines())
    else:
        yield from _indent(cut_lines(part.text).splitlines())


def render_grid(grid: Grid) -> str:
    """Return a table with the columns that fit the terminal, and its note below."""
    rows = [[format_cell(str(name), _NARROW) for name in grid.columns]]
    rows += [[format_cell(value, _NARROW) for value in row] for row in grid.rows]
    table = format_table(fit_columns(rows, shutil.get_terminal_size((_WIDE, 24)).columns - 4))
    return f"{table}\n{format_cell(grid.note, 400)}" if grid.note else table


def _list_fields(values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in list(values.items())[:MOST_FIELDS]:
        yield f"{format_cell(str(name), 80)}: {format_cell(value)}"
    if len(values) > MOST_FIELDS:
        yield f"and {len(values) - MOST_FIELDS} more"


def _list_curves(metrics: Mapping[str, Any]) -> Iterator[str]:
    for name, value in list(metrics.items())[:MOST_FIELDS]:
        series = read_series(value)
        curve = ""
        if len(finite := series.finite) > 1:
            low, high = min(finite), max(finite)
            points = thin_out(series.numbers, _CURVE)
            curve = "  " + "".join(
                " " if point is None else _BLOCKS[round(scale_number(point, low, high) * (len(_BLOCKS) - 1))]
                for point in points
            )
        yield describe_series(format_cell(str(name), 80), series) + curve


def _indent(lines: Any) -> Iterator[str]:
    for line in lines:
        yield f"  {line}"
