"""The table that a file, or the files of a folder, hold: as engines write them, in parts, partitioned, compressed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ...errors import InputError
from . import dataframes

_NULL = "__HIVE_DEFAULT_PARTITION__"
File = tuple[Path, str]
"""A local file, and its name below the entity, which tells its format and its partition."""


def read_table(
    files: Sequence[File], label: str, *, file_format: str | None, engine: str | None, options: Mapping[str, Any]
) -> Any:
    """Return one DataFrame of all data files; `options` go to the engine's reader.

    What is in a folder `year=2024` gets a column `year`. Files whose names begin with `_` or `.` hold no data, as
    Spark's `_SUCCESS` and `.crc`. Errors: InputError that names the file, or `label`.
    """
    data = _list_data_files(files, label)
    tables = [
        dataframes.read_frame(path, file_format=file_format, engine=engine, name=name, **options) for path, name in data
    ]
    partitions = [_parse_partition(name) for _, name in data]
    columns = sorted({column for partition in partitions for column in partition}, key=_make_order(partitions))
    numbers = {
        column: all(re.fullmatch(r"-?[0-9]{1,18}", part[column] or "0") for part in partitions if column in part)
        for column in columns
    }
    for position, partition in enumerate(partitions):
        for column in columns:
            text = partition.get(column)
            value = int(text) if text is not None and numbers[column] else text
            tables[position] = dataframes.add_constant(tables[position], column, value, number=numbers[column])
    return dataframes.concat_frames(tables, label)


def _list_data_files(files: Sequence[File], label: str) -> list[File]:
    """Return the files that hold rows. Errors: InputError for the folder of a format that keeps them in a log."""
    if len(files) <= 1 and not (files and _list_folders(files[0][1])):
        return list(files)
    if any(part == "_delta_log" for _, name in files for part in name.split("/")[:-1]):
        hint = "the package `deltalake` reads it, from the path of an input with the hint Path"
        raise InputError(f"{label} is a Delta table: its log says which files count", hint=hint)
    data = [(path, name) for path, name in files if not any(map(_is_hidden, name.split("/")))]
    if not data and files:
        names = ", ".join(name for _, name in files[:10])
        raise InputError(
            f"{label} holds no file of a table: {names}", hint="names that begin with `_` or `.` are no data"
        )
    return [(path, name) for path, name in data if path.stat().st_size] or data


def _list_folders(name: str) -> list[str]:
    """Return the folders within a table that a name goes through; those above a file by itself are none of it."""
    return [] if name.startswith("/") else name.split("/")[:-1]


def _is_hidden(part: str) -> bool:
    return part.startswith((".", "_")) and "=" not in part


def _parse_partition(name: str) -> dict[str, str | None]:
    """Return the columns that the folders of a name stand for, as Hive and Spark write them."""
    pairs = [part.partition("=") for part in _list_folders(name) if "=" in part]
    return {unquote(key): None if value == _NULL else unquote(value) for key, _, value in pairs}


def _make_order(partitions: Sequence[Mapping[str, Any]]) -> Any:
    """Return the key that sorts columns as the folders are nested."""
    positions = {column: position for partition in partitions for position, column in enumerate(partition)}
    return positions.__getitem__
