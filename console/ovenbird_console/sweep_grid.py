"""The combinations of a sweep: several values for a parameter, each read as the field of the form reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

from ovenbird.common.setting_values import named_values
from ovenbird.common.text import show_value
from ovenbird.page.field import NO_DEFAULT, Field, FieldKind
from ovenbird.page.form_values import read_value

MOST = 10_000  # runs of a sweep that the page starts
_FIXED = (FieldKind.INPUT, FieldKind.SECRET, FieldKind.FILE, FieldKind.CHOICES)
_WORDS = ("true", "false", "on", "off", "yes", "no", "1", "0")


def read_grid(text: str, fields: Iterable[Field]) -> dict[str, list[Any]]:
    """Return the values of each parameter from lines `NAME=VALUE,VALUE`. Errors: ValueError with a text for people."""
    by_name = {field.name: field for field in fields}
    grid: dict[str, list[Any]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            ((name, texts),) = named_values(line.strip()).items()
        except ValueError:
            raise ValueError(f"Line {number}: expected NAME=VALUE,VALUE.") from None
        name = name.strip()
        if name in grid:
            raise ValueError(f"Line {number}: {name} is given twice.")
        grid[name] = _read_values(f"Line {number}", name, by_name, [str(value).strip() for value in texts])
    if (count := prod(map(len, grid.values()))) > MOST:
        raise ValueError(f"These are {count:,} runs, and {MOST:,} is the most: `ovenbird run --grid` takes more.")
    return grid


def make_lines(grid: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Return the parameters of each run: all combinations, the last name varies first.

    A name whose value was left empty, `""`, is left out of its runs: the function has its default.
    """
    lines = (zip(grid, values, strict=True) for values in product(*grid.values()))
    return [{name: value for name, value in line if value is not NO_DEFAULT} for line in lines]


def _read_values(where: str, name: str, fields: Mapping[str, Field], texts: Sequence[str]) -> list[Any]:
    field = fields.get(name)
    if field is None:
        known = ", ".join(field.name for field in fields.values() if field.kind not in _FIXED)
        raise ValueError(f"{where}: there is no parameter {show_value(name)}; there are: {known or 'none'}.")
    if field.kind in _FIXED:
        raise ValueError(f"{where}: {name} is the same for all runs of a sweep.")
    values = []
    for text in texts:
        if field.kind is FieldKind.SWITCH and text.lower() not in _WORDS:
            raise ValueError(f"{where}: {name}: expected true or false, found {show_value(text)}.")
        try:
            values.append(read_value(field, ["" if text == '""' else text]))
        except ValueError as error:
            raise ValueError(f"{where}: {name}: {error}") from None
    return values
