"""Rows of cells as text, in columns that are as wide as they need."""

from __future__ import annotations

from collections.abc import Sequence

from .text import cut_text, escape_controls

_LONGEST = 40  # characters of a cell that stands in `fit_columns`


def format_table(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Return rows as lines; the columns at the positions `right` are aligned to the right."""
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]

    def aligned(index: int, cell: str) -> str:
        return cell.rjust(widths[index]) if index in right else cell.ljust(widths[index])

    return "\n".join("  ".join(aligned(index, cell) for index, cell in enumerate(row)).rstrip() for row in rows)


def fit_columns(rows: Sequence[Sequence[str]], width: int) -> list[list[str]]:
    """Return rows with cells cut to a length, and with the columns that fit into `width` and `...` for the rest.

    The first and the last column always stay.
    """
    cells = [[cut_text(escape_controls(cell), _LONGEST) for cell in row] for row in rows]
    widths = [max(map(len, column)) + 2 for column in zip(*cells, strict=True)]
    if sum(widths) - 2 <= width or len(widths) < 3:
        return cells
    room, count = width - widths[0] - widths[-1] - 5, 1
    while count < len(widths) - 1 and widths[count] <= room:
        room -= widths[count]
        count += 1
    return [[*row[:count], "...", row[-1]] for row in cells]
