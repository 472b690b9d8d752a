"""The content of an entity in short: first rows of a table, a picture, the beginning of a text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...common.named_paths import is_file
from ...display.card import Grid, Picture, Text
from ...display.entity_card import make_preview
from ...errors import OvenbirdError

_WITH_FILES = ("dataitem", "artifact", "model")
_LARGEST = 64 * 1024**2  # bytes of a table that is read for its first rows
_LARGEST_PICTURE = 1024**2
_MOST_TEXT = 4000  # characters
_SIGNATURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
_TEXTS = (".txt", ".md", ".json", ".jsonl", ".yaml", ".yml", ".csv", ".log", ".toml", ".ini", ".html", ".xml", ".py")


def read_preview(entity: Any) -> Mapping[str, Any] | None:
    """Return the first rows of a data item, from its record or its local file; None where that would be slow.

    Errors: OvenbirdError for a file that is not a table.
    """
    from ..tables import dataframes

    if preview := entity.status.get("preview"):
        return dict(preview)
    path = entity.local_path()
    if path is None or not is_file(path) or path.stat().st_size > _LARGEST:
        return None
    dataframes.get_format(str(path))
    return dataframes.make_preview(entity.as_df())


def read_content(entity: Any) -> Grid | Picture | Text | None:
    """Return what can be shown of the content, without fetching anything; None where nothing can."""
    if entity.TYPE not in _WITH_FILES:
        return None
    try:
        if entity.TYPE == "dataitem" and (grid := make_preview(read_preview(entity))):
            return grid
        path = entity.local_path()
        return read_file(path) if path is not None and is_file(path) else None
    except (OvenbirdError, OSError):
        return None


def read_file(path: Path) -> Picture | Text | None:
    """Return a picture that is not large, or the beginning of a text. What a file is, its first bytes say."""
    with path.open("rb") as file:
        start = file.read(4 * _MOST_TEXT)
        for signature, media_type in _SIGNATURES.items():
            if start.startswith(signature):
                content = start + file.read(_LARGEST_PICTURE)
                return Picture(path.name, content, media_type) if len(content) <= _LARGEST_PICTURE else None
    if path.suffix.lower() not in _TEXTS or b"\0" in start:
        return None
    return Text(path.name, start.decode("utf-8", "replace")[:_MOST_TEXT], is_open=len(start) < 500)
