"""What is shown of a data item, an artifact, a model or a revision of a function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..common.redact import mask_record
from ..common.units import show_size
from .card import Card, Curves, Fields, Grid, Part, Picture, Text
from .cell_text import format_cell, format_moment

_MOST_COLUMNS = 20  # of a table that are shown
_MOST_FILES = 20


def make_entity_card(
    record: Mapping[str, Any], metrics: Mapping[str, Any], content: Grid | Text | Picture | None = None
) -> Card:
    """Return the card of an entity: where its content is, the content in short, its files, its metrics, its code."""
    masked = mask_record(record)
    spec, status, metadata = masked["spec"], masked["status"], masked["metadata"]
    files = [entry for entry in status.get("files") or [] if isinstance(entry, Mapping)]
    facts = {
        "kind": record["kind"], "project": record["project"], "created": format_moment(metadata.get("created")),
        "size": _format_size(files), "path": spec.get("path"), "note": metadata.get("description"),
    }  # fmt: skip
    parts: list[Part] = [
        *([content] if content else []),
        *_list_files(files),
        Curves("Metrics", metrics),
        *_list_source(spec),
    ]
    kind = {"dataitem": "Data item"}.get(record["type"], str(record["type"]).capitalize())
    return Card(kind, f"{record['name']}:{record['id']}", str(status.get("state") or ""), facts, parts)


def make_preview(preview: Mapping[str, Any] | None) -> Grid | None:
    """Return the first rows of a table as `status.preview` records them; None without them."""
    columns = [column for column in (preview or {}).get("cols") or [] if isinstance(column, Mapping)]
    if not preview or not columns:
        return None
    visible_columns = columns[:_MOST_COLUMNS]
    names = [str(column.get("name")) for column in visible_columns]
    rows = list(zip(*(column.get("value") or [] for column in visible_columns), strict=False))
    left_out = len(columns) - len(visible_columns)
    note = f"{format_cell(preview.get('rows'))} rows x {len(columns)} columns"
    return Grid("First rows", names, rows, f"{note}, {left_out} of them not shown" if left_out else note)


def _list_files(files: list[Mapping[str, Any]]) -> list[Part]:
    """Return a table of the files where there are several."""
    if len(files) < 2:
        return []
    rows = [(entry.get("path"), _format_bytes(entry.get("size"))) for entry in files[:_MOST_FILES]]
    note = f"and {len(files) - _MOST_FILES} more" if len(files) > _MOST_FILES else ""
    return [Grid("Files", ("path", "size"), rows, note)]


def _list_source(spec: Mapping[str, Any]) -> list[Part]:
    """Return where the code of a function is, and its text where the record holds it."""
    source = spec.get("source")
    if not isinstance(source, Mapping):
        return []
    fields = {name: value for name, value in source.items() if name not in ("base64", "code") and value}
    return [Fields("Source", fields), Text("Code", str(source.get("code") or ""))]


def _format_size(files: list[Mapping[str, Any]]) -> str:
    sizes = [entry["size"] for entry in files if isinstance(entry.get("size"), int)]
    return f"{show_size(sum(sizes))}{f' in {len(files)} files' if len(files) > 1 else ''}" if sizes else ""


def _format_bytes(size: Any) -> str:
    return show_size(size) if isinstance(size, int) else ""
