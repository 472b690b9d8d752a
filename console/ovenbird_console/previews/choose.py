"""Choose how a file is shown: by its name, and by what it begins with."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ovenbird.common.install_hint import format_install_command
from ovenbird.common.text import escape_controls
from ovenbird.common.units import show_size
from ovenbird.platform.tables.dataframes import FORMATS

from .images import detect_image, preview_image
from .json_tree import preview_json
from .markdown import render_markdown
from .notebook import preview_notebook
from .preview import MarkupPreview, NoPreview, Preview, PreviewError, TextPreview
from .text_head import TextHead, read_head, strip_compression
from .text_table import preview_text_table

if TYPE_CHECKING:
    from ovenbird.platform.storage.range_reader import RangeReader

TABLE_HEAD = 1024 * 1024  # bytes of a table in text
DOCUMENT = 8 * 1024 * 1024  # bytes of a whole JSON document or notebook
_TEXT = 64 * 1024  # characters that are shown
_MARKDOWN = 256 * 1024


def preview_file(reader: RangeReader, name: str, first_column: int = 0) -> Preview:
    """Return what a page shows of a file. InputError: it cannot be read; what its format hides is a NoPreview."""
    if reader.size == 0:
        return NoPreview("the file is empty")
    suffix = PurePosixPath(strip_compression(name)).suffix.lower().lstrip(".")
    try:
        if FORMATS.get(suffix) == "parquet":
            from .parquet_table import preview_parquet

            return preview_parquet(reader, first_column)
        if media_type := detect_image(reader.read(0, 16)):
            return preview_image(reader, media_type)
        return _preview_text(reader, name, suffix, first_column)
    except PreviewError as error:
        return NoPreview(error.message)
    except ModuleNotFoundError:
        return NoPreview(f"tables need pyarrow: {format_install_command('tables')}")


def _preview_text(reader: RangeReader, name: str, suffix: str, first_column: int) -> Preview:
    """Return the preview of a file in text, of whichever format; of anything else, that it is binary."""
    limit = DOCUMENT if suffix in ("json", "ipynb") else TABLE_HEAD
    head = read_head(reader, name, limit)
    if head.is_binary:
        return NoPreview("this is no text" if suffix in ("json", "ipynb", "csv", "txt", "md") else "binary data")
    if suffix in ("json", "ipynb") and head.cut:
        return _make_text(head, f"The document is larger than {show_size(DOCUMENT)}, so it is shown as text.")
    if suffix == "ipynb":
        return preview_notebook(head.text)
    if suffix in ("md", "markdown"):
        return MarkupPreview(render_markdown(head.text[:_MARKDOWN]), head.cut or len(head.text) > _MARKDOWN)
    table_format = FORMATS.get(suffix, "")
    try:
        if suffix == "json":
            return preview_json(head.text)
        if table_format in ("csv", "tsv", "jsonl") and suffix != "txt":
            return preview_text_table(head, table_format, first_column)
    except PreviewError as error:
        return _make_text(head, error.message)
    return _make_text(head)


def _make_text(head: TextHead, note: str = "") -> TextPreview:
    text = head.text
    lines = [escape_controls(line.replace("\t", "    ")) for line in text[:_TEXT].split("\n")]
    return TextPreview("\n".join(lines), head.cut or len(text) > _TEXT, note)
