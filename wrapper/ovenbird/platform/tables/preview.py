"""The first rows of a table as text, as `status.preview` records them."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from typing import Any

from ...common.text_table import fit_columns, format_table

_WIDE = 100  # columns of a terminal that does not say how many it has


def format_preview(preview: Mapping[str, Any] | None) -> str:
    """Return the first rows of a table and its shape, from `status.preview`; empty text without it."""
    preview = preview or {}
    columns = preview.get("cols") or []
    shape = f"[{preview.get('rows', 0)} rows x {len(columns)} columns]"
    if not columns:
        return shape if "rows" in preview else ""
    rows = [[column["name"] for column in columns]]
    rows += [
        [_format_cell(value) for value in row] for row in zip(*(column["value"] for column in columns), strict=True)
    ]
    numbers = [
        index for index, column in enumerate(columns)
        if all(isinstance(value, (int, float)) for value in column["value"])
    ]  # fmt: skip
    rows = fit_columns(rows, shutil.get_terminal_size((_WIDE, 24)).columns)
    if len(rows[0]) < len(columns):  # some are left out: the positions of those that stay have moved
        last = len(rows[0]) - 1
        numbers = [index for index in numbers if index < last - 1] + ([last] if len(columns) - 1 in numbers else [])
    return f"{format_table(rows, numbers)}\n\n{shape}"


def _format_cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else str(value)
    return "" if value is None else str(value)
