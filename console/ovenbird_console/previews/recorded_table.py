"""The first rows of a table as its record has them, for one whose file is not read: of a database, or of Excel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .columns import COLUMNS, describe_column
from .preview import TablePreview


def preview_recorded(status: Mapping[str, Any], first_column: int = 0) -> TablePreview | None:
    """Return a page of columns of `status.preview`; None where none is recorded, or it has another form."""
    preview = status.get("preview")
    columns = preview.get("cols") if isinstance(preview, Mapping) else None
    if not isinstance(columns, list) or not columns or not all(map(_is_column, columns)):
        return None
    first_column = min(max(0, first_column), len(columns) - 1) // COLUMNS * COLUMNS
    types = _collect_types(status)
    described = tuple(
        describe_column(str(column["name"]), types.get(str(column["name"]), ""), column["value"])
        for column in columns[first_column : first_column + COLUMNS]
    )
    rows = preview.get("rows") if isinstance(preview, Mapping) else None
    sampled = max((len(column["value"]) for column in columns), default=0)
    note = "as it was recorded when the table was stored"
    return TablePreview(
        described, len(columns), first_column, rows if isinstance(rows, int) else None, sampled, (note,)
    )


def _is_column(column: Any) -> bool:
    return isinstance(column, Mapping) and "name" in column and isinstance(column.get("value"), list)


def _collect_types(status: Mapping[str, Any]) -> dict[str, str]:
    schema = status.get("schema")
    fields = schema.get("fields") if isinstance(schema, Mapping) else None
    return {str(field.get("name")): str(field.get("type")) for field in fields or [] if isinstance(field, Mapping)}
