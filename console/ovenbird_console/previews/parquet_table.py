"""The first rows of a Parquet file, by its footer, its statistics and one row group; never the whole file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from ovenbird.common.text import cut_text, escape_controls
from ovenbird.common.units import show_size

from .columns import COLUMNS, ROWS, SAMPLE, describe_column, format_cell, format_range
from .preview import ColumnPreview, PreviewError, TablePreview

if TYPE_CHECKING:
    from ovenbird.platform.storage.range_reader import RangeReader

_FOOTER = 64 * 1024 * 1024  # bytes of metadata that are read
_GROUPS = 500  # row groups whose statistics are read
_BUFFER = 512 * 1024  # bytes of one read
_WIDE_CELL = 256 * 1024  # bytes; a column whose average cell is larger is left out
_SAMPLE_SIZE = 32 * 1024 * 1024  # bytes of decoded columns; then fewer rows are looked at


def preview_parquet(reader: RangeReader, first_column: int = 0) -> TablePreview:
    """Return a page of columns of a Parquet file. Errors: PreviewError."""
    import pyarrow

    try:
        return _preview(reader, first_column)
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError, KeyError) as error:
        reason = escape_controls(cut_text(" ".join(str(error).split()), 200))
        raise PreviewError(f"this is no readable Parquet file: {reason}") from error


def _preview(reader: RangeReader, first_column: int) -> TablePreview:
    import pyarrow.parquet

    _check_footer(reader)
    file = pyarrow.parquet.ParquetFile(_RangeFile(reader), buffer_size=_BUFFER, pre_buffer=False)
    schema, metadata = file.schema_arrow, file.metadata
    first_column = min(max(0, first_column), max(0, len(schema) - 1)) // COLUMNS * COLUMNS
    positions = range(first_column, min(len(schema), first_column + COLUMNS))
    chunks = _find_chunks(metadata)
    large = [position for position in positions if _is_large(metadata, chunks.get(schema.names[position], []))]
    values, sampled = _read_sample(file, [position for position in positions if position not in large])
    columns = [
        _describe(schema.field(position), metadata, chunks.get(schema.names[position], []), values.get(position))
        for position in positions
    ]
    names = ", ".join(format_cell(schema.names[position]) or "" for position in large)
    notes = (f"too large to show: {names}",) if large else ()
    return TablePreview(tuple(columns), len(schema), first_column, metadata.num_rows, sampled, notes)


def _check_footer(reader: RangeReader) -> None:
    """Raise PreviewError unless the file ends as Parquet does, with metadata of a size that can be read."""
    if reader.size is None:
        raise PreviewError("its server does not say how large it is, and a Parquet file is read from its end")
    end = reader.read(max(0, reader.size - 8), 8)
    length = int.from_bytes(end[:4], "little")
    if len(end) < 8 or end[4:] != b"PAR1" or length > reader.size - 8:
        raise PreviewError("this is no readable Parquet file: its end is missing")
    if length > _FOOTER:
        raise PreviewError(f"its metadata has {show_size(length)}; at most {show_size(_FOOTER)} are read")


def _find_chunks(metadata: Any) -> dict[str, list[int]]:
    """Return the positions of the column chunks of each top-level column."""
    chunks: dict[str, list[int]] = {}
    for position in range(metadata.num_columns):
        column = metadata.schema.column(position)
        name = column.path if column.path == column.name else column.path.partition(".")[0]
        chunks.setdefault(name, []).append(position)
    return chunks


def _is_large(metadata: Any, chunks: list[int]) -> bool:
    """Return whether a cell of the column is too large on the average to be looked at."""
    if not metadata.num_row_groups:
        return False
    group = metadata.row_group(0)
    size = sum(group.column(chunk).total_uncompressed_size for chunk in chunks)
    return bool(size / max(1, group.num_rows) > _WIDE_CELL)


def _read_sample(file: Any, positions: list[int]) -> tuple[dict[int, list[Any]], int]:
    """Return the first values of each column by its position, and how many rows were read."""
    names = [file.schema_arrow.names[position] for position in positions]
    batches = file.iter_batches(batch_size=SAMPLE, columns=names, use_threads=False)
    batch = next(iter(batches), None) if names else None
    if batch is None:
        return {}, 0
    rows = batch.num_rows if batch.nbytes < _SAMPLE_SIZE else min(ROWS, batch.num_rows)
    seen: dict[str, int] = {}
    values = {}
    for position, name in zip(positions, names, strict=True):  # two columns of one name come in their order
        indexes = batch.schema.get_all_field_indices(name)
        values[position] = batch.column(indexes[seen.get(name, 0)]).slice(0, rows).to_pylist()
        seen[name] = min(seen.get(name, 0) + 1, len(indexes) - 1)
    return values, rows


def _describe(field: Any, metadata: Any, chunks: list[int], values: list[Any] | None) -> ColumnPreview:
    """Return a column: its sample, with missing values and the range from the statistics of all row groups."""
    if values is None:
        return ColumnPreview(format_cell(field.name) or "", cut_text(str(field.type), 60))
    known: dict[str, Any] = {}
    if len(chunks) == 1 and metadata.num_row_groups <= _GROUPS:
        chunk_statistics = [
            metadata.row_group(group).column(chunks[0]).statistics for group in range(metadata.num_row_groups)
        ]
        if all(item is not None and item.has_null_count for item in chunk_statistics):
            known = {"missing": sum(item.null_count for item in chunk_statistics), "missing_of": metadata.num_rows}
        ranges = [(item.min, item.max) for item in chunk_statistics if item is not None and item.has_min_max]
        if ranges and len(ranges) == len(chunk_statistics):
            low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
            known["range"] = format_range(low, high)
    return describe_column(field.name, str(field.type), values, **known)


class _RangeFile(io.RawIOBase):
    """A reader of parts as the file that pyarrow asks for."""

    def __init__(self, reader: RangeReader) -> None:
        self._reader = reader
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._reader.size or 0}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        block = self._reader.read(self._position, len(buffer))
        buffer[: len(block)] = block
        self._position += len(block)
        return len(block)
