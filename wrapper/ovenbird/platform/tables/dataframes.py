"""DataFrames of pandas and of polars, whichever the user has; neither is imported before it is needed."""

from __future__ import annotations

import importlib
import importlib.util
import io
import math
import sys
import warnings
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import Any

from ...common.text import is_unicode, show_value
from ...errors import InputError
from .compressed import detect_compression, open_compressed, strip_compression

ENGINES = ("pandas", "polars")
PREVIEW_ROWS = 10
_LONGEST = 1000  # characters of one cell in a preview
_LINE = 64 * 1024  # bytes that a first line of JSON is looked for in
FORMATS = {
    "csv": "csv", "txt": "csv", "tsv": "tsv", "tab": "tsv", "parquet": "parquet", "pq": "parquet", "json": "json",
    "jsonl": "jsonl", "ndjson": "jsonl", "xlsx": "excel", "xls": "excel", "excel": "excel",
}  # fmt: skip
_BOM = b"\xef\xbb\xbf"
_WORDS = {
    "pandas": {"separator": "sep", "n_rows": "nrows"},
    "polars": {"sep": "separator", "delimiter": "separator", "nrows": "n_rows", "usecols": "columns"},
}
"""Words of one engine's readers for what the other calls by another."""
_READERS = {
    "pandas": {
        "csv": "read_csv", "tsv": "read_csv", "parquet": "read_parquet", "json": "read_json", "jsonl": "read_json",
        "excel": "read_excel",
    },
    "polars": {
        "csv": "read_csv", "tsv": "read_csv", "parquet": "read_parquet", "json": "read_json", "jsonl": "read_ndjson",
        "excel": "read_excel",
    },
}  # fmt: skip


def get_engine(value: object) -> str | None:
    """Return `pandas` or `polars` for a DataFrame (or LazyFrame) of that library, else None."""
    for kind in type(value).__mro__:
        package = kind.__module__.partition(".")[0]
        if package in ENGINES and kind.__name__ in ("DataFrame", "LazyFrame"):
            return package
    return None


def choose_engine(engine: str | None = None) -> str:
    """Return the requested engine, else an imported one, else an installed one; pandas comes first."""
    if engine is not None and engine not in ENGINES:
        raise InputError(f"engine {show_value(engine)} is not known", hint="pandas or polars")
    for name in (engine,) if engine else ENGINES:
        if name in sys.modules:
            return name
    for name in (engine,) if engine else ENGINES:
        if importlib.util.find_spec(name) is not None:
            return name
    problem = f"{engine} is not installed" if engine else "neither pandas nor polars is installed"
    raise InputError(f"{problem}, so no DataFrame can be read", hint=f"`pip install {engine or 'pandas'}`")


def get_format(name: str, file_format: str | None = None) -> str:
    """Return `csv`, `tsv`, `parquet`, `json`, `jsonl` or `excel`, by `file_format`, else by the name's extension.

    That of a compression does not count: `cities.csv.gz` is `csv`.
    """
    suffix = (file_format or PurePosixPath(strip_compression(name)).suffix).lower().lstrip(".")
    if suffix not in FORMATS:
        subject = (
            f"file_format {show_value(file_format)}"
            if file_format
            else f"{show_value(name)} has the extension {show_value(suffix)}, which"
        )
        raise InputError(
            f"{subject} is not one of a table", hint=f"`as_df(file_format=…)`: {', '.join(sorted(FORMATS))}"
        )
    return FORMATS[suffix]


def is_table_name(name: str) -> bool:
    """Return whether the extension of a file's name is one of a table."""
    return PurePosixPath(strip_compression(name)).suffix.lower().lstrip(".") in FORMATS


def read_frame(
    path: Path, *, file_format: str | None = None, engine: str | None = None, name: str = "", **options: Any
) -> Any:
    """Return the DataFrame in a file, compressed or not; `options` go to the reader, in the words of either engine.

    InputError names `name` (or the file) and what the reader said.
    """
    label, form, engine = name or str(path), "", choose_engine(engine)
    try:
        with ExitStack() as closing:
            source, form = _open_file(path, label, file_format, engine, options, closing)
            if form == "tsv":
                options.setdefault("sep", "\t")
            if form == "jsonl" and engine == "pandas":
                options.setdefault("lines", True)
            if engine == "polars" and form in ("csv", "tsv") and "encoding" not in options:
                _check_utf8(source)
            if engine == "pandas" and form not in ("parquet", "excel"):
                options.setdefault("compression", None)  # it would go by the name
            words = {_WORDS[engine].get(word, word): value for word, value in options.items()}
            return getattr(importlib.import_module(engine), _READERS[engine][form])(source, **words)
    except InputError as error:
        prefix = "" if label in error.message else f"{label}: "
        raise InputError(prefix + error.message, hint=error.hint) from error
    except ImportError as error:
        from ...common.install_hint import format_install_command

        hint = format_install_command("tables") if form == "parquet" else "install what it names"
        raise InputError(f"{label}: {engine} cannot read {form}: {error}", hint=hint) from error
    except UnicodeDecodeError as error:
        encoding = "utf-16" if error.object[:2] in (BOM_UTF16_BE, BOM_UTF16_LE) else "latin-1"
        raise InputError(
            f"{label} cannot be read as {form} by {engine}: its text is not UTF-8 ({error.reason})",
            hint=f'`as_df(encoding="{encoding}")` reads it, where that is its encoding',
        ) from error
    except Exception as error:
        hint = "`as_df(file_format=…, sep=…)` says what it holds, where that is something else"
        first = (str(error).strip().splitlines() or [""])[0]
        raise InputError(
            f"{label} cannot be read as {form} by {engine}: {type(error).__name__}: {first}", hint=hint
        ) from error


def _open_file(
    path: Path, name: str, file_format: str | None, engine: str, options: Mapping[str, Any], closing: ExitStack
) -> tuple[Any, str]:
    """Return the argument for a reader, a path or the stream of a compressed file, and its format."""
    kind = "" if "compression" in options else detect_compression(path, name)
    source: Any = path
    if kind:
        source, member = open_compressed(path, kind, closing)
        if member and not is_table_name(name):
            name = member
        if engine == "polars" or kind == "zstd":  # polars takes memory or a path; Zstandard cannot go back
            source = io.BytesIO(source.read())
    try:
        form = get_format(name, file_format)
    except InputError:
        if kind or not path.is_file() or not _starts_with(path, b"PAR1"):
            raise
        form = "parquet"
    if not kind and not is_unicode(str(path)) and path.is_file():  # Arrow and polars take no such path
        source, kind = io.BytesIO(path.read_bytes()), "memory"
    if form in ("json", "jsonl") and (kind or path.is_file()):
        return _open_json(source, kind, form, options)
    return source, form


def _check_utf8(source: Path | io.BytesIO) -> None:
    """Raise UnicodeDecodeError for a start that is not UTF-8: polars reads it as other characters."""
    if isinstance(source, io.BytesIO):
        start = source.getvalue()[:_LINE]
    elif source.is_file():
        with source.open("rb") as file:
            start = file.read(_LINE)
    else:
        return
    getincrementaldecoder("utf-8")().decode(start, final=len(start) < _LINE)


def _open_json(source: Any, kind: str, form: str, options: Mapping[str, Any]) -> tuple[Any, str]:
    """Return JSON without a byte order mark, and `jsonl` for a `.json` that holds a line for each row, as Spark's."""
    if not kind:
        with source.open("rb") as file:
            start = file.read(len(_BOM) + _LINE)
        plain = source
    else:
        plain = source if isinstance(source, io.BytesIO) else io.BytesIO(source.read())
        start = plain.getvalue()[: len(_BOM) + _LINE]
    if start.startswith(_BOM):
        plain = io.BytesIO((source.read_bytes() if plain is source and not kind else plain.getvalue())[len(_BOM) :])
    if form == "json" and not {"lines", "orient"} & options.keys() and _is_line_of_json(start.removeprefix(_BOM)):
        form = "jsonl"
    return plain, form


def _is_line_of_json(start: bytes) -> bool:
    """Return whether the first line is an object of its own, with a value that is no object or list, or more follow."""
    import json

    line, end, rest = start.lstrip().partition(b"\n")
    try:
        value = json.loads(line)
    except ValueError:
        return False
    several = bool(end and rest.strip())
    return isinstance(value, dict) and (several or not all(isinstance(item, (dict, list)) for item in value.values()))


def _starts_with(path: Path, signature: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(signature)) == signature


def concat_frames(read: list[Any], name: str) -> Any:
    """Concatenate DataFrames with the same columns. Errors: InputError without any."""
    if not read:
        raise InputError(f"{name} holds no file", hint="nothing to read a table from")
    if len(read) == 1:
        return read[0]
    module = importlib.import_module(get_engine(read[0]) or "pandas")
    if module.__name__ == "polars":  # files of one table may lack a column, or have it as another number
        return module.concat(read, how="diagonal_relaxed")
    return module.concat(read, ignore_index=True)


def add_constant(frame: Any, name: str, value: int | str | None, *, number: bool) -> Any:
    """Return the frame with a column of one value at its end, unless it has that column; `number` is for null."""
    if name in frame.columns:
        return frame
    if get_engine(frame) == "polars":
        polars = importlib.import_module("polars")
        kind = polars.Int64 if number else polars.String
        return frame.with_columns(polars.lit(value, dtype=kind).alias(name))
    return frame.assign(**{name: math.nan if value is None and number else value})


def drop_odd_attributes(frame: Any) -> Any:
    """Return the frame without the `attrs` of pandas where these are no JSON, which Parquet keeps them as."""
    import json

    try:
        json.dumps(getattr(frame, "attrs", None))
    except (TypeError, ValueError, RecursionError):
        frame = frame.copy(deep=False)
        frame.attrs = {}
    return frame


def describe_parquet_problem(frame: Any) -> str:
    """Return why a DataFrame cannot be written as Parquet here, or nothing."""
    if get_engine(frame) != "pandas":
        return ""
    try:
        pyarrow = importlib.import_module("pyarrow")
        importlib.import_module("pyarrow.parquet")
    except ImportError:
        if importlib.util.find_spec("fastparquet") is not None:
            return ""
        from ...common.install_hint import format_install_command

        return f"the package pyarrow is not installed ({format_install_command('tables')})"
    problem = _arrow_problem(pyarrow, frame)
    if problem and len(frame.columns) > 1:  # arrow does not say which column it is
        for position, name in enumerate(frame.columns):
            if part := _arrow_problem(pyarrow, frame.iloc[:, [position]]):
                return f"the column {show_value(str(name))}: {part}"
    return problem


def _arrow_problem(pyarrow: Any, frame: Any) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # whoever writes the file hears them
            schema = pyarrow.Schema.from_pandas(frame)
            pyarrow.parquet.write_table(schema.empty_table(), io.BytesIO())  # not every type of Arrow is one of Parquet
        names = schema.names
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            return f"two columns are called {show_value(twice)} as text, which is what Parquet has for names"
    except (ValueError, TypeError, NotImplementedError, OverflowError) as error:
        return (str(error).strip().splitlines() or [type(error).__name__])[0]
    return ""


def write_csv(frame: Any, path: Path) -> None:
    """Write a DataFrame of pandas as CSV; its index too, unless that only counts rows."""
    # half of a surrogate pair is no UTF-8
    frame.to_csv(path, index=not _is_row_count(frame.index), errors="backslashreplace")


def list_csv_index(frame: Any) -> list[str | None]:
    """Return the names of the index that `write_csv` writes as the first columns; empty where that only counts rows."""
    if _is_row_count(frame.index):
        return []
    return [None if name is None else str(name) for name in frame.index.names]


def restore_csv_index(frame: Any, names: Sequence[str | None]) -> Any:
    """Return a DataFrame of pandas that was read from CSV with its first columns as the index, if they have its names.

    Their values are as CSV has them: dates are text there, in columns too.
    """
    if get_engine(frame) != "pandas" or frame.columns.nlevels > 1:
        return frame
    columns = list(frame.columns[: len(names)])
    if columns != [f"Unnamed: {position}" if name is None else name for position, name in enumerate(names)]:
        return frame
    restored = frame.set_index(columns)
    restored.index.names = list(names)
    return restored


def _is_row_count(index: Any) -> bool:
    return type(index).__name__ == "RangeIndex" and index.name is None and (index.start, index.step) == (0, 1)


def write_parquet(frame: Any, path: Path) -> str | None:
    """Write a DataFrame as Parquet; its digest, where that could be had on the way, else None."""
    if get_engine(frame) == "pandas":
        if importlib.util.find_spec("pyarrow") is None:  # fastparquet wants a path
            frame.to_parquet(path)
            return None
        from ..storage.file_copy import HashedFile  # a run that returns no table has no use for it

        with HashedFile(path) as file:
            frame.to_parquet(file, engine="pyarrow")
        return file.digest()
    if hasattr(frame, "sink_parquet"):
        frame.sink_parquet(path)
    else:
        frame.write_parquet(path)
    return None


def describe_schema(frame: Any) -> dict[str, Any]:
    """Return `{"fields": [{"name", "type"}]}` with the types of Table Schema: string, number, integer, boolean, …"""
    frame = _collect_lazy(frame)
    if get_engine(frame) == "polars":
        return {"fields": [{"name": name, "type": _get_polars_type(str(kind))} for name, kind in frame.schema.items()]}
    fields = []
    for position, (name, kind) in enumerate(zip(frame.columns, frame.dtypes, strict=True)):
        field_type = _get_pandas_type(kind)
        fields.append({"name": str(name), "type": field_type or _get_object_type(frame.iloc[:PREVIEW_ROWS, position])})
    return {"fields": fields}


def make_preview(frame: Any) -> dict[str, Any]:
    """Return `{"cols": [{"name", "value": [...]}], "rows": n}`: ten rows as JSON values, and the number of rows."""
    frame = _collect_lazy(frame)
    head = frame.head(PREVIEW_ROWS)
    if get_engine(frame) == "polars":
        columns = [(name, head[name].to_list()) for name in head.columns]
    else:
        columns = [(str(name), head.iloc[:, position].tolist()) for position, name in enumerate(head.columns)]
    cols = [{"name": name, "value": [_make_cell(value) for value in values]} for name, values in columns]
    return {"cols": cols, "rows": len(frame)}


def _collect_lazy(frame: Any) -> Any:
    return frame.collect() if type(frame).__name__ == "LazyFrame" else frame


def _make_cell(value: Any) -> Any:
    """Return one cell as a JSON value; text is cut at a length."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**63 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if type(value).__name__ in ("NaTType", "NAType"):
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return str(value)[:_LONGEST]


def _get_pandas_type(kind: Any) -> str | None:
    """Return the type of a column; None when it depends on the values."""
    name = str(kind).lower()
    if name == "object":
        return None
    for start, field_type in (
        ("bool", "boolean"), ("int", "integer"), ("uint", "integer"), ("float", "number"), ("decimal", "number"),
        ("datetime", "datetime"), ("timedelta", "duration"), ("str", "string"), ("category", "string"),
    ):  # fmt: skip
        if name.startswith(start):
            return field_type
    return "any"


def _get_object_type(values: Any) -> str:
    kinds = {type(value).__name__ for value in values.tolist() if value is not None}
    if kinds == {"str"}:
        return "string"
    if kinds and kinds <= {"dict"}:
        return "object"
    return "array" if kinds and kinds <= {"list", "ndarray"} else "any"


def _get_polars_type(name: str) -> str:
    for start, field_type in (
        ("Bool", "boolean"), ("Int", "integer"), ("UInt", "integer"), ("Float", "number"), ("Decimal", "number"),
        ("Datetime", "datetime"), ("Date", "date"), ("Time", "time"), ("Duration", "duration"), ("String", "string"),
        ("Utf8", "string"), ("Categorical", "string"), ("Enum", "string"), ("List", "array"), ("Array", "array"),
        ("Struct", "object"),
    ):  # fmt: skip
        if name.startswith(start):
            return field_type
    return "any"
