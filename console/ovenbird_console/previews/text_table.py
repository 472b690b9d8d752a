"""The first rows of a table in text (CSV, TSV, JSON lines), from the beginning of its file."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from ovenbird.common.text import cut_text, escape_controls
from ovenbird.common.units import show_size

from .columns import COLUMNS, SAMPLE, describe_column
from .preview import PreviewError, TablePreview

if TYPE_CHECKING:
    from .text_head import TextHead

_MOST_COLUMNS = 20_000
_DELIMITERS = ",;\t|"


def preview_text_table(head: TextHead, table_format: str, first_column: int = 0) -> TablePreview:
    """Return a page of columns of `csv`, `tsv` or `jsonl` from the beginning of a file. Errors: PreviewError."""
    import pyarrow

    text = head.lines()
    try:
        table, skipped = _read_json_lines(text) if table_format == "jsonl" else _read_csv(text, table_format)
        first_column = min(max(0, first_column), max(0, table.num_columns - 1)) // COLUMNS * COLUMNS
        sample = table.slice(0, SAMPLE)
        columns = tuple(
            describe_column(field.name, str(field.type), sample.column(position).to_pylist())
            for position, field in enumerate(table.schema)
            if first_column <= position < first_column + COLUMNS
        )
    except (pyarrow.ArrowException, ValueError, OverflowError) as error:  # also times that Python does not have
        reason = escape_controls(cut_text(" ".join(str(error).split()), 200))
        raise PreviewError(f"this is no readable table: {reason}") from error
    notes = [f"{skipped} lines do not have the columns of the first line"] if skipped else []
    if head.cut:
        notes.append(f"from the first {show_size(len(head.data))} of the file")
    rows = None if head.cut else table.num_rows
    return TablePreview(columns, table.num_columns, first_column, rows, sample.num_rows, tuple(notes))


def _read_csv(text: str, table_format: str) -> tuple[Any, int]:
    """Return an Arrow table, and the number of lines that do not fit it."""
    from pyarrow import csv as arrow_csv

    delimiter = "\t" if table_format == "tsv" else _find_delimiter(text)
    header = text.partition("\n")[0]
    if header.count(delimiter) >= _MOST_COLUMNS:
        raise PreviewError(f"it has more than {_MOST_COLUMNS} columns")
    skipped: list[int] = []

    def skip(row: Any) -> str:
        skipped.append(row.number or 0)
        return "skip"

    table = arrow_csv.read_csv(
        io.BytesIO(text.encode()),
        read_options=arrow_csv.ReadOptions(use_threads=False, block_size=max(1, len(text) * 4)),
        parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=skip),
        convert_options=arrow_csv.ConvertOptions(strings_can_be_null=True),
    )
    return table, len(skipped)


def _find_delimiter(text: str) -> str:
    """Return what divides the columns, as the first lines have it; a comma where nothing does."""
    try:
        return csv.Sniffer().sniff("\n".join(text[:4096].splitlines()[:10]), _DELIMITERS).delimiter
    except csv.Error:
        return ","


def _read_json_lines(text: str) -> tuple[Any, int]:
    from pyarrow import json as arrow_json

    options = arrow_json.ReadOptions(use_threads=False, block_size=max(1, len(text) * 4))
    return arrow_json.read_json(io.BytesIO(text.encode()), read_options=options), 0
