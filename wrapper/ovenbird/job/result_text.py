"""What a handler returned, as text for the terminal: JSON, the first rows of a table, a path, a key."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping
from typing import Any

from ..common.text_table import fit_columns, format_table
from ..platform.entity import Entity
from .outcome import Display

_LINE = 100  # characters; JSON that is longer is indented


def result_text(returned: Mapping[str, Any]) -> str:
    """Return the text of what was returned, by the names of the outputs; empty when that is nothing.

    One value stands alone: text and displays as they are, all else as JSON. Several are one JSON object, or a section
    for each where one of them is a table.
    """
    if not returned:
        return ""
    if len(returned) == 1:
        return _text(next(iter(returned.values()))) + "\n"
    if any(isinstance(value, Display) and "\n" in value for value in returned.values()):
        return "\n".join(f"{name}:\n{_text(value)}\n" for name, value in returned.items())
    return _json(dict(returned)) + "\n"


def preview_text(entity: Entity) -> str:
    """Return the first rows of a stored table and its shape; empty when the entity holds no preview."""
    preview = entity.status.get("preview") or {}
    columns = preview.get("cols") or []
    shape = f"[{preview.get('rows', 0)} rows x {len(columns)} columns]"
    if not columns:
        return shape if "rows" in preview else ""
    rows = [[column["name"] for column in columns]]
    rows += [[_cell(value) for value in row] for row in zip(*(column["value"] for column in columns), strict=True)]
    numbers = [
        index for index, column in enumerate(columns)
        if all(isinstance(value, (int, float)) for value in column["value"])
    ]  # fmt: skip
    rows = fit_columns(rows, shutil.get_terminal_size((_LINE, 24)).columns)
    if len(rows[0]) < len(columns):  # some are left out: the positions of those that stay have moved
        last = len(rows[0]) - 1
        numbers = [index for index in numbers if index < last - 1] + ([last] if len(columns) - 1 in numbers else [])
    return f"{format_table(rows, numbers)}\n\n{shape}"


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    line = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return line if len(line) <= _LINE else json.dumps(value, ensure_ascii=False, indent=2)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else str(value)
    return "" if value is None else str(value)
