"""DataFrames of pandas and of polars, whichever the user has; neither is imported before it is needed."""

from __future__ import annotations

import importlib
import importlib.util
import math
import sys
from pathlib import Path
from typing import Any

from ovenbird.common.text import show_value
from ovenbird.errors import InputError

from .copying import HashedFile

ENGINES = ("pandas", "polars")
PREVIEW_ROWS = 10
_LONGEST = 1000  # characters of one cell in a preview
FORMATS = {
    "csv": "csv", "txt": "csv", "tsv": "tsv", "tab": "tsv", "parquet": "parquet", "pq": "parquet", "json": "json",
    "jsonl": "jsonl", "ndjson": "jsonl", "xlsx": "excel", "xls": "excel", "excel": "excel",
}  # fmt: skip
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


def engine_of(value: object) -> str | None:
    """`pandas` or `polars` when the value is a DataFrame of it (or a LazyFrame), else None."""
    for kind in type(value).__mro__:
        package = kind.__module__.partition(".")[0]
        if package in ENGINES and kind.__name__ in ("DataFrame", "LazyFrame"):
            return package
    return None


def choose(engine: str | None = None) -> str:
    """The engine asked for, else the one that the process has loaded, else the one that is installed; pandas first."""
    if engine is not None and engine not in ENGINES:
        raise InputError(f"engine {show_value(engine)} is not known", hint="pandas or polars")
    for name in (engine,) if engine else ENGINES:
        if name in sys.modules:
            return name
    for name in (engine,) if engine else ENGINES:
        if importlib.util.find_spec(name) is not None:
            return name
    found = f"{engine} is not installed" if engine else "neither pandas nor polars is installed"
    raise InputError(f"{found}, so no DataFrame can be read", hint=f"pip install {engine or 'pandas'}")


def format_of(name: str, file_format: str | None = None) -> str:
    """`csv`, `tsv`, `parquet`, `json`, `jsonl` or `excel`, from `file_format`, else from the name's extension."""
    suffix = (file_format or Path(name).suffix).lower().lstrip(".")
    if suffix not in FORMATS:
        subject = (
            f"file_format {show_value(file_format)}"
            if file_format
            else f"{show_value(name)} has the extension {show_value(suffix)}, which"
        )
        raise InputError(f"{subject} is not one of a table", hint=f"as_df(file_format=…): {', '.join(sorted(FORMATS))}")
    return FORMATS[suffix]


def read(
    path: Path, *, file_format: str | None = None, engine: str | None = None, name: str = "", **options: Any
) -> Any:
    """The DataFrame in a file; `options` go to the engine's reader, `sep` to polars as `separator`.

    InputError names `name` (or the file) and what the reader said.
    """
    shown = name or str(path)
    form, engine = format_of(shown, file_format), choose(engine)
    if form == "tsv":
        options.setdefault("sep", "\t")
    if form == "jsonl" and engine == "pandas":
        options.setdefault("lines", True)
    if engine == "polars" and "sep" in options:
        options["separator"] = options.pop("sep")
    try:
        return getattr(importlib.import_module(engine), _READERS[engine][form])(path, **options)
    except ImportError as error:
        raise InputError(f"{shown}: {engine} cannot read {form}: {error}", hint="install what it names") from error
    except Exception as error:
        hint = "as_df(file_format=…, sep=…) says what it holds, where that is something else"
        first = (str(error).strip().splitlines() or [""])[0]
        raise InputError(
            f"{shown} cannot be read as {form} by {engine}: {type(error).__name__}: {first}", hint=hint
        ) from error


def together(read: list[Any], name: str) -> Any:
    """One DataFrame of several with the same columns; InputError when there is none."""
    if not read:
        raise InputError(f"{name} holds no file", hint="nothing to read a table from")
    if len(read) == 1:
        return read[0]
    module = importlib.import_module(engine_of(read[0]) or "pandas")
    return module.concat(read) if module.__name__ == "polars" else module.concat(read, ignore_index=True)


def write_parquet(frame: Any, path: Path) -> str | None:
    """Write a DataFrame as Parquet; its digest, where that could be had on the way, else None."""
    if engine_of(frame) == "pandas":
        if importlib.util.find_spec("pyarrow") is None:  # fastparquet wants a path
            frame.to_parquet(path)
            return None
        with HashedFile(path) as file:
            frame.to_parquet(file, engine="pyarrow")
        return file.digest()
    if hasattr(frame, "sink_parquet"):
        frame.sink_parquet(path)
    else:
        frame.write_parquet(path)
    return None


def schema(frame: Any) -> dict[str, Any]:
    """`{"fields": [{"name", "type"}]}` in the names of Table Schema: string, number, integer, boolean, datetime, …"""
    frame = _collected(frame)
    if engine_of(frame) == "polars":
        return {"fields": [{"name": name, "type": _polars_type(str(kind))} for name, kind in frame.schema.items()]}
    fields = []
    for position, (name, kind) in enumerate(zip(frame.columns, frame.dtypes, strict=True)):
        found = _pandas_type(kind)
        fields.append({"name": str(name), "type": found or _object_type(frame.iloc[:PREVIEW_ROWS, position])})
    return {"fields": fields}


def preview(frame: Any) -> dict[str, Any]:
    """`{"cols": [{"name", "value": [...]}], "rows": n}`: the first ten rows as JSON values, and the number of rows."""
    frame = _collected(frame)
    head = frame.head(PREVIEW_ROWS)
    if engine_of(frame) == "polars":
        columns = [(name, head[name].to_list()) for name in head.columns]
    else:
        columns = [(str(name), head.iloc[:, position].tolist()) for position, name in enumerate(head.columns)]
    cols = [{"name": name, "value": [_cell(value) for value in values]} for name, values in columns]
    return {"cols": cols, "rows": len(frame)}


def _collected(frame: Any) -> Any:
    return frame.collect() if type(frame).__name__ == "LazyFrame" else frame


def _cell(value: Any) -> Any:
    """One cell as a JSON value; text is cut at a length."""
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


def _pandas_type(kind: Any) -> str | None:
    """The type of a column, None when only its values can tell."""
    name = str(kind).lower()
    if name == "object":
        return None
    for start, found in (
        ("bool", "boolean"), ("int", "integer"), ("uint", "integer"), ("float", "number"), ("decimal", "number"),
        ("datetime", "datetime"), ("timedelta", "duration"), ("str", "string"), ("category", "string"),
    ):  # fmt: skip
        if name.startswith(start):
            return found
    return "any"


def _object_type(values: Any) -> str:
    kinds = {type(value).__name__ for value in values.tolist() if value is not None}
    if kinds == {"str"}:
        return "string"
    if kinds and kinds <= {"dict"}:
        return "object"
    return "array" if kinds and kinds <= {"list", "ndarray"} else "any"


def _polars_type(name: str) -> str:
    for start, found in (
        ("Bool", "boolean"), ("Int", "integer"), ("UInt", "integer"), ("Float", "number"), ("Decimal", "number"),
        ("Datetime", "datetime"), ("Date", "date"), ("Time", "time"), ("Duration", "duration"), ("String", "string"),
        ("Utf8", "string"), ("Categorical", "string"), ("Enum", "string"), ("List", "array"), ("Array", "array"),
        ("Struct", "object"),
    ):  # fmt: skip
        if name.startswith(start):
            return found
    return "any"
