"""Encode a return value as JSON: by msgspec, and by one rule for each type that msgspec does not support.

Third-party types are recognised by the names of their classes, so that no library of the user has to be imported.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import functools
import math
from collections.abc import Callable, Mapping, Sequence, Set, ValuesView
from pathlib import PurePath
from typing import Any

import msgspec

from ...common.text import show_value
from ...function import cloudevent


class ResultError(Exception):
    """The return value cannot be an answer: no rule covers its type, or a part of it is invalid."""


def encode(value: Any) -> bytes:
    """Return a value as JSON. NaN and infinities become null, as JSON has none.

    Errors: ResultError names the type, or half of a surrogate pair.
    """
    try:
        return _encode(value)
    except (OverflowError, msgspec.EncodeError):
        return _encode_slowly(value)
    except UnicodeEncodeError as error:
        if error.encoding != "utf-8":  # of a conversion by the user's class
            raise
        surrogate = show_value(error.object[error.start])
        raise ResultError(
            f"a part of the result holds {surrogate}, half of a surrogate pair, which is no text"
        ) from None
    except RecursionError:
        raise ResultError("the result is nested too deeply, or refers to itself") from None
    except TypeError as error:
        raise ResultError(f"a part of the result cannot be written as JSON: {error}") from error


def _encode_slowly(value: Any) -> bytes:
    """Return a value as JSON, with integers beyond 64 bits and enums of any values. Errors: ResultError."""
    import json

    try:
        plain = msgspec.to_builtins(_unwrap_enums(value), enc_hook=encode_custom, str_keys=True)
    except (TypeError, msgspec.EncodeError) as error:
        raise ResultError(f"a part of the result cannot be written as JSON: {error}") from error
    return json.dumps(_replace_non_finite(plain), separators=(",", ":")).encode()


def can_encode(kind: Any) -> bool:
    """Return whether there is a rule for a type that msgspec does not support."""
    return _find_converter(kind) is not _refuse


def encode_custom(value: Any) -> Any:
    """Return a replacement for a value or key that msgspec does not support. Errors: TypeError that names its type."""
    kind: Any = type(value)
    return _find_converter(kind)(value)


@functools.lru_cache(maxsize=1000)  # bounded, as a program may create types at run time
def _find_converter(kind: type) -> Callable[[Any], Any]:
    """Return the rule for a type."""
    if kind is frozenset:
        return _refuse_key
    names = class_names(kind)
    for name, convert in _NAMED.items():
        if name in names:
            return convert
    if hasattr(kind, "model_dump"):
        return lambda model: model.model_dump(mode="json")
    for base, convert in _BASES:
        if issubclass(kind, base):
            return convert
    return _refuse


def class_names(kind: type) -> set[str]:
    """Return `package.Class` for a class and its bases."""
    return {f"{base.__module__.split('.')[0]}.{base.__name__}" for base in kind.__mro__}


def frame_rows(columns: list[tuple[Any, list[Any]]], height: int) -> list[Any]:
    """Return the rows of a table as structs, which are encoded three times as fast as mappings.

    Errors: TypeError if two columns have the same name.
    """
    names = tuple(_column_name(name) for name, _ in columns)
    if len(set(names)) < len(names):
        raise TypeError("a table with two columns of one name is not JSON serializable")
    row = _make_row_class(names)
    return list(map(row, *(values for _, values in columns))) if columns else [row() for _ in range(height)]


@functools.lru_cache(maxsize=64)
def _make_row_class(names: tuple[str, ...]) -> Callable[..., Any]:
    """Return a class with a field for each column."""
    renamed = {f"f{number}": name for number, name in enumerate(names)}
    return msgspec.defstruct("Row", [(field, Any) for field in renamed], rename=renamed, gc=False)


def _column_name(name: Any) -> str:
    """Return the name of a column as the key of an object. A name with several levels is the text of a tuple."""
    if type(name) is str:
        return name
    key: str = next(iter(msgspec.json.decode(_encode({str(name) if isinstance(name, tuple) else name: None}))))
    return key


def pandas_rows(frame: Any) -> list[Any]:
    """Return the rows of a pandas DataFrame, without its index, with the values of its columns as they are."""
    return frame_rows([(name, _list_pandas_values(column)) for name, column in frame.items()], len(frame))


def polars_rows(frame: Any) -> list[Any]:
    """Return the rows of a polars DataFrame, with the values of its columns as they are."""
    return frame_rows([(column.name, _list_polars_values(column)) for column in frame.get_columns()], frame.height)


def _list_pandas_values(series: Any) -> list[Any]:
    dtype = series.dtype
    if type(dtype).__module__.split(".")[0] == "numpy" and dtype.kind in "mM":
        return _convert_time_values(series.to_numpy())  # type: ignore[no-any-return]
    return series.to_list()  # type: ignore[no-any-return]


def _list_polars_values(series: Any) -> list[Any]:
    """Return the values of a column. Times finer than microseconds become text, as Python's types end there."""
    kind = type(series.dtype).__name__
    if kind == "Time" or getattr(series.dtype, "time_unit", "") == "ns":
        if kind == "Duration":
            numbers = series.dt.total_nanoseconds().to_list()
            if any(number is not None and number % 1000 for number in numbers):
                return [None if number is None else _format_duration(number) for number in numbers]
        elif (series.dt.nanosecond() % 1000 != 0).any():
            zone = "%:z" if getattr(series.dtype, "time_zone", None) else ""
            form = "%H:%M:%S%.9f" if kind == "Time" else f"%Y-%m-%dT%H:%M:%S%.9f{zone}"
            return series.dt.to_string(form).to_list()  # type: ignore[no-any-return]
    return series.to_list()  # type: ignore[no-any-return]


def _convert_time_values(array: Any) -> Any:
    """Return dates and durations of numpy as Python's, None for NaT, and text if Python's types cannot hold a value."""
    import numpy

    dates = array.dtype.kind == "M"
    flat = array.ravel()
    if numpy.datetime_data(array.dtype)[0] in ("ns", "ps", "fs", "as"):
        coarse = flat.astype(f"{array.dtype.kind}8[us]")
        values, exact = coarse.tolist(), (coarse == flat) | numpy.isnat(flat)
    else:
        values, exact = flat.tolist(), numpy.ones(flat.shape, dtype=bool)
    if dates and any(isinstance(value, int) for value in values):  # years that Python does not support
        exact &= numpy.array([not isinstance(value, int) for value in values])
    if not exact.all():
        for index in numpy.flatnonzero(~exact).tolist():
            item = flat[index]
            if dates:
                values[index] = str(numpy.datetime_as_string(item))
            else:
                values[index] = _format_duration(int(item.astype("m8[ns]").astype("i8")))
    if array.ndim == 1:
        return values
    nested = numpy.empty(flat.shape, dtype=object)
    nested[:] = values
    return nested.reshape(array.shape).tolist()


def _format_duration(nanoseconds: int) -> str:
    """Return a duration in ISO 8601, as msgspec writes it, with nanoseconds."""
    days, rest = divmod(abs(nanoseconds), 86_400 * 10**9)
    seconds, fraction = divmod(rest, 10**9)
    text = f"{seconds}.{fraction:09d}".rstrip("0").rstrip(".")
    return f"{'-' if nanoseconds < 0 else ''}P{f'{days}D' if days else ''}T{text}S"


def _convert_timestamp(value: Any) -> Any:
    """Return a pandas Timestamp as a datetime, or as text if it is finer or outside the years of Python."""
    try:
        return value.to_pydatetime() if not value.nanosecond else value.isoformat()
    except ValueError:
        return value.isoformat()


def _convert_timedelta(value: Any) -> Any:
    return _format_duration(int(value.value)) if value.nanoseconds else value.to_pytimedelta()


def _convert_datetime(value: datetime.datetime) -> datetime.datetime:
    return datetime.datetime(
        value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond, value.tzinfo,
        fold=value.fold,
    )  # fmt: skip


def _convert_array(value: Any) -> Any:
    return _convert_time_values(value) if value.dtype.kind in "mM" else value.tolist()


def _convert_numpy_time(value: Any) -> Any:
    import numpy

    return _convert_time_values(numpy.asarray(value))


def _refuse_key(value: Any) -> Any:
    raise TypeError(f"a {type(value).__qualname__} cannot be a key of a JSON object")


def _refuse(value: Any) -> Any:
    kind = type(value)
    raise TypeError(f"a {kind.__module__}.{kind.__qualname__} is not JSON serializable")


def _replace_non_finite(value: Any) -> Any:
    """Return built-in values with None for NaN and infinities."""
    if isinstance(value, dict):
        return {key: _replace_non_finite(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_replace_non_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _unwrap_enums(value: Any) -> Any:
    """Return containers with enums replaced by their values."""
    if isinstance(value, enum.Enum):
        return value.value
    if type(value) is dict:
        return {_unwrap_enums(key): _unwrap_enums(part) for key, part in value.items()}
    return [_unwrap_enums(part) for part in value] if type(value) in (list, tuple) else value


_encode = msgspec.json.Encoder(enc_hook=encode_custom).encode
_NAMED: dict[str, Callable[[Any], Any]] = {
    "uuid.UUID": str,
    "cloudevents.CloudEvent": cloudevent.to_json,
    "pandas.NaTType": lambda _: None,
    "pandas.NAType": lambda _: None,
    "pandas.Timestamp": _convert_timestamp,
    "pandas.Timedelta": _convert_timedelta,
    "pandas.Period": str,
    "pandas.Interval": str,
    "pandas.DataFrame": pandas_rows,
    "pandas.Series": _list_pandas_values,
    "pandas.Index": _list_pandas_values,
    "pandas.ExtensionArray": lambda array: array.tolist(),
    "polars.DataFrame": polars_rows,
    "polars.Series": _list_polars_values,
    "numpy.ndarray": _convert_array,
    "numpy.datetime64": _convert_numpy_time,
    "numpy.timedelta64": _convert_numpy_time,
    "numpy.floating": float,
    "numpy.complexfloating": _refuse,
    "numpy.generic": lambda scalar: scalar.item(),
}
# msgspec supports these types, but not their subclasses; None, bool and tuples get here as keys only
_BASES: list[tuple[Any, Callable[[Any], Any]]] = [
    (type(None), lambda _: "null"),
    (bool, lambda value: "true" if value else "false"),
    (tuple, _refuse_key),
    (enum.Enum, lambda value: value.value),
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    (bytes, lambda value: bytes(memoryview(value))),
    (decimal.Decimal, lambda value: str(decimal.Decimal(value))),
    (datetime.datetime, _convert_datetime),
    (datetime.date, lambda value: datetime.date(value.year, value.month, value.day)),
    (datetime.time, lambda value: datetime.time.fromisoformat(datetime.time.isoformat(value))),
    (
        datetime.timedelta,
        lambda value: datetime.timedelta(
            datetime.timedelta.days.__get__(value),  # a subclass may override the attribute
            datetime.timedelta.seconds.__get__(value),
            datetime.timedelta.microseconds.__get__(value),
        ),
    ),
    (PurePath, str),
    (cloudevent.CloudEvent, cloudevent.to_json),
    (Mapping, dict),
    (Set, list),
    (ValuesView, list),
    (Sequence, list),
]
