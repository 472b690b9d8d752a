"""A list of runs, and the columns that tell them apart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from ...common.text import show_value
from ...errors import InputError
from ...platform.entities.run_summary import Summary, collect_columns, select_column

_SECTIONS = ("param", "result", "metric")  # columns that are there by default


class RunList:
    """Summaries of runs, newest first.

    `is_truncated`: there are more than the limit. `hidden` counts runs that were left out, as they never called their
    function. `rows` holds all columns of each run: `id`, `state`, `param.n`, `result.rows`, `metric.loss`, `tag.stage`.
    """

    def __init__(self, runs: tuple[Summary, ...], *, is_truncated: bool = False, hidden: int = 0) -> None:
        self.runs = runs
        self.is_truncated = is_truncated
        self.hidden = hidden

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """Return all columns of each run."""
        return [collect_columns(summary) for summary in self.runs]

    @cached_property
    def columns(self) -> list[str]:
        """Return the columns to show: fields of each run, parameters that differ, results and last metrics."""
        rows = self.rows
        names = ["id", *(["name"] if any(row["name"] for row in rows) else []), "state", "function", "started", "took"]
        for prefix in _SECTIONS:
            own = dict.fromkeys(name for row in rows for name in row if name.startswith(f"{prefix}."))
            if prefix == "param":
                own = {name: None for name in own if _has_differences(rows, name)}
            names += [name for name in own if all(not isinstance(row.get(name), (list, dict)) for row in rows)]
        return names

    def select_columns(self, names: Sequence[str]) -> dict[str, list[Any]]:
        """Return the values of columns, one for each run; a column is called by its name or its end.

        Errors: InputError for a column that no run has.
        """
        cells = {name: select_column(self.rows, name) for name in names}
        if unknown := [name for name, column in cells.items() if column is None and self.rows]:
            known = ", ".join(dict.fromkeys(name for row in self.rows for name in row))
            raise InputError(
                f"no run listed has a column {', '.join(map(show_value, unknown))}", hint=f"there are: {known}"
            )
        return {name: column or [] for name, column in cells.items()}


def format_value(value: Any) -> str:
    """Return a JSON value for people: text as it is, numbers with six digits."""
    if isinstance(value, str):
        return value
    return f"{value:.6g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def _has_differences(rows: Sequence[dict[str, Any]], name: str) -> bool:
    """Return whether a parameter differs between runs of the functions that have it."""
    functions = {row["function"] for row in rows if name in row}
    return len({format_value(row.get(name)) for row in rows if row["function"] in functions}) > 1
