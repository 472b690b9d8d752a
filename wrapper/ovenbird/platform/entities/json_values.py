"""Turn values of user code into JSON values. No value may keep a run from being recorded.

Types are recognised by their module: nothing of the user's libraries is imported here.
"""

from __future__ import annotations

import datetime
import enum
import os
from base64 import b64encode
from collections import deque
from collections.abc import Mapping, Set
from typing import Any

import msgspec

_DEEPEST = 50  # levels of nesting; what lies deeper becomes text
_MOST_ITEMS = 10_000  # of an array; a larger one is described
_TEXTS = ("decimal", "fractions", "uuid", "ipaddress")  # modules whose values are recorded as their text
_LONGEST = 200  # characters of the text for an object of any other class


def json_value(value: Any) -> Any:
    """Return the nearest JSON value: numbers, text, lists, objects, null. It never raises.

    Arrays become lists, dates ISO text, paths and numbers beyond 64 bits text, keys of mappings text; lone surrogates
    are escaped; NaN stays, which JSON writes as null. An object of any other class becomes its text, cut to one line.
    """
    return _convert(value, [])


def encode_json(value: Any) -> bytes:
    """Return a value as JSON, whatever it holds."""
    try:
        return msgspec.json.encode(value)
    except Exception:  # a lone surrogate, a class that JSON does not have; anything from a class of the user's
        return msgspec.json.encode(json_value(value))


def clean_text(text: str) -> str:
    """Return a text that UTF-8 can encode: lone surrogates are escaped."""
    text = str.__str__(text)
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def describe(value: Any) -> str:
    """Return a line of text for an object, or the name of its class if its own `repr` fails."""
    try:
        text = " ".join(clean_text(repr(value)).split())
    except Exception:
        text = f"<{type(value).__qualname__}>"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def key_text(key: Any) -> str:
    """Return the key of an object as JSON writers do: `true`, `null`, numbers by their digits."""
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    if isinstance(key, enum.Enum):
        return key_text(key.value)
    return clean_text(str(key))


def _convert(value: Any, parents: list[int]) -> Any:
    kind = type(value)
    if value is None or kind is bool or kind is float or (kind is str and value.isascii()):  # most of a record
        return value
    try:
        return _convert_object(value, parents)
    except Exception:  # the user's classes may raise anything from any method
        return describe(value)


def _convert_object(value: Any, parents: list[int]) -> Any:
    if isinstance(value, enum.Enum):
        return _convert(value.value, parents)
    if isinstance(value, (dict, list)):  # before the abstract classes below, which are slow to ask
        return _convert_container(value, parents)
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, int):  # after bool; a subclass becomes a plain number
        return int(value) if -(2**63) <= value < 2**64 else str(int(value))
    if isinstance(value, float):
        return float(value)
    if isinstance(value, (Mapping, list, tuple, Set, deque, range)) or hasattr(value, "__dataclass_fields__"):
        return _convert_container(value, parents)
    return _convert_scalar(value, parents)


def _convert_container(value: Any, parents: list[int]) -> Any:
    if id(value) in parents or len(parents) >= _DEEPEST:
        return describe(value) if id(value) not in parents else "<a value that holds itself>"
    parents.append(id(value))
    try:
        if isinstance(value, (dict, Mapping)):
            return {
                key if type(key) is str and key.isascii() else key_text(key): _convert(item, parents)
                for key, item in value.items()
            }
        if isinstance(value, type):
            return describe(value)
        if hasattr(value, "__dataclass_fields__"):
            return {name: _convert(getattr(value, name), parents) for name in value.__dataclass_fields__}
        return [_convert(item, parents) for item in value]
    finally:
        parents.pop()


def _convert_scalar(value: Any, parents: list[int]) -> Any:
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, os.PathLike):
        return clean_text(os.fsdecode(value))
    if isinstance(value, datetime.timedelta) or type(value).__module__ in _TEXTS:
        return clean_text(str(value))
    if isinstance(value, (bytes, bytearray)):
        return b64encode(value).decode()
    if type(value).__module__.partition(".")[0] == "numpy" and hasattr(value, "tolist"):
        if getattr(value, "size", 0) > _MOST_ITEMS:
            return f"array of shape {value.shape}, {value.dtype}"
        return _convert(value.tolist(), parents)
    dump = getattr(value, "model_dump", None)  # pydantic
    if callable(dump) and not isinstance(value, type):
        return _convert(dump(), parents)
    return describe(value)
