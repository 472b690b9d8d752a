"""Prepare the content of an entity from files, a DataFrame or bytes, with its spec and status."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...common.hashing import new_md5
from ...common.named_paths import is_file
from ...common.redact import redact_url
from ...common.text import escape_bytes, show_value
from ...common.tree_names import describe_limit
from ...common.user_warnings import warn_user
from ...errors import InputError, OutputError
from ..storage import schemes
from ..storage.tree_walk import walk_tree
from ..tables import dataframes
from ..tables.table_files import read_table
from .entity_path import CSV_INDEX

_SAMPLE = 1000  # rows of a CSV file that its schema is read from
_WHOLE = 64 * 1024 * 1024  # bytes; a file of another format that is larger is not read for its schema alone
Write = Callable[[Path], str | None]
"""Writes the file it is given; returns the digest, when it has one."""


@dataclass
class UploadContent:
    """The files, or what writes the one file; its name (empty: a folder); what goes to the spec and the status."""

    content: Sequence[Path] | Write
    filename: str
    spec: dict[str, Any] = field(default_factory=dict)
    status: dict[str, Any] = field(default_factory=dict)


def make_content(
    name: str,
    kind: str,
    *,
    source: Any,
    data: Any,
    write: Write | None,
    filename: str,
    reader: Mapping[str, Any] | None = None,
) -> UploadContent:
    """Return the content from exactly one of `source`, `data` and `write`; OutputError says what is wrong with it.

    `reader`: how the file of a table is read for its schema, by the words of `as_df`.
    """
    arguments = [
        argument for argument, value in (("source", source), ("data", data), ("write", write)) if value is not None
    ]
    if len(arguments) != 1:
        raise OutputError(
            f"{name}: {' and '.join(arguments) if arguments else 'neither source nor data'} given",
            hint="give exactly one",
        )
    if write is not None:
        return UploadContent(write, _check_file_name(filename or name))
    if source is not None:
        return _make_file_content(name, kind, source, reader or {})
    if dataframes.get_engine(data):
        return _make_frame_content(name, data)
    if isinstance(data, (bytes, bytearray, memoryview, str)):
        raw = data.encode() if isinstance(data, str) else bytes(data)
        return UploadContent(lambda path: _write_bytes(path, raw), filename or name)
    raise OutputError(
        f"{name}: data is a {type(data).__module__}.{type(data).__qualname__}", hint="a DataFrame, bytes or text"
    )


def _write_bytes(path: Path, raw: bytes) -> str:
    path.write_bytes(raw)
    total = new_md5()
    total.update(raw)
    return f"md5:{total.hexdigest()}"


def _make_frame_content(name: str, frame: Any) -> UploadContent:
    if hasattr(frame, "collect") and not hasattr(frame, "write_parquet"):
        frame = frame.collect()
    engine, kind = dataframes.get_engine(frame), type(frame)
    if kind.__module__.partition(".")[0] != engine:
        warn_user(
            f"{name} is of type {kind.__module__}.{kind.__qualname__}: it is stored as a table, and what reads it gets"
            f" a DataFrame of {engine}, without what that class adds"
        )
    frame = dataframes.drop_odd_attributes(frame)
    status: dict[str, Any] = {"preview": dataframes.make_preview(frame)}
    if problem := dataframes.describe_parquet_problem(frame):
        index = ""
        if names := dataframes.list_csv_index(frame):
            status[CSV_INDEX] = names
            columns = "column is" if len(names) == 1 else f"{len(names)} columns are"
            index = f"; the first {columns} its index there, which `as_df` restores"
        warn_user(f"{name} is stored as CSV, and not as Parquet: {problem}{index}")
    return UploadContent(
        lambda path: dataframes.write_csv(frame, path) if problem else dataframes.write_parquet(frame, path),
        f"{name}.{'csv' if problem else 'parquet'}",
        {"schema": dataframes.describe_schema(frame)},
        status,
    )


def _make_file_content(name: str, kind: str, source: Any, reader: Mapping[str, Any]) -> UploadContent:
    several = isinstance(source, (list, tuple))
    paths = []
    for item in source if several else [source]:
        text = str(item)
        if schemes.get_scheme(text):
            hint = "`new_artifact`, `new_dataitem` and `new_model` (`path=…`) record what lies elsewhere"
            raise OutputError(f"{name}: source {redact_url(text)} is not local", hint=hint)
        paths.append(schemes.get_local_path(text))
    if len(paths) == 1 and is_file(paths[0]):
        content = UploadContent(paths, _check_file_name(escape_bytes(paths[0].name)))
        if kind == "table":
            content.spec, content.status = _describe_table([(paths[0], paths[0].name)], name, dict(reader))
        return content
    content = UploadContent(paths, "")
    if kind == "table" and (parts := _list_parts(paths)):
        content.spec, content.status = _describe_table(parts, name, dict(reader))
    return content


def _list_parts(paths: Sequence[Path]) -> list[tuple[Path, str]]:
    """Return the files of a table with their names; none where they are too large to read, or cannot be."""
    try:
        parts = [part for path in paths for part in (walk_tree(path).files if path.is_dir() else [(path, path.name)])]
        return parts if sum(path.stat().st_size for path, _ in parts) <= _WHOLE else []
    except OSError:  # storing them says so
        return []


def _check_file_name(name: str) -> str:
    """Return the file name, if any file system and any record can hold it. Errors: OutputError."""
    if problem := "leaves the folder" if "/" in name or name in ("", ".", "..") else describe_limit(name):
        raise OutputError(f"the file name {show_value(name)} {problem}", hint="rename the file")
    return name


def _describe_table(
    parts: Sequence[tuple[Path, str]], label: str, reader: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return schema and preview of a table's files, if that is cheap. Warn about files that do not parse."""
    file_format, options = reader.pop("file_format", None), {}
    try:
        engine = dataframes.choose_engine(reader.pop("engine", None))
        if len(parts) == 1:
            form = dataframes.get_format(parts[0][1], file_format)
            if form in ("csv", "tsv"):
                options = {} if {"nrows", "n_rows"} & reader.keys() else {"nrows": _SAMPLE}
            elif parts[0][0].stat().st_size > _WHOLE:
                return {}, {}
        frame = read_table(parts, label, file_format=file_format, engine=engine, options=options | reader)
    except InputError as error:
        if any(name in sys.modules for name in dataframes.ENGINES):
            warn_user(f"stored without a schema: {error.message}")
        return {}, {}
    preview = dataframes.make_preview(frame)
    if options and preview["rows"] >= _SAMPLE:
        del preview["rows"]  # the sample's length, not the table's
    return {"schema": dataframes.describe_schema(frame)}, {"preview": preview}
