"""What a hint asks for: conversion by msgspec, by the user's own pydantic where a hint mentions it."""

from __future__ import annotations

import datetime
import decimal
import enum
import inspect
import re
import sys
import types
import typing
import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import is_dataclass
from typing import Any, NamedTuple

import msgspec

from ..errors import SignatureError
from .defaults import fill, filling, holds_dataclass

_SCALARS = (
    str, bytes, bytearray, int, float, bool, complex, type(None), decimal.Decimal, uuid.UUID, enum.Enum,
    datetime.date, datetime.time, datetime.timedelta,
)  # fmt: skip
_SEQUENCES = (list, tuple, set, frozenset, Collection, Sequence)
_PATH = re.compile(r" - at `\$(.*)`$")
_MOST_ITEMS = 20  # of a list with bad items, so many are named


class Problem(NamedTuple):
    """One field that does not fit: its path (`items[2].price`), and what was expected and found."""

    field: str
    message: str


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The resolved hints of a callable, by parameter.

    A hint that cannot be resolved, such as a name imported under TYPE_CHECKING only, counts as no hint.
    """
    try:
        return typing.get_type_hints(function, include_extras=True)
    except Exception:
        raw = getattr(function, "__annotations__", {})
        return {name: found for name, hint in raw.items() if (found := _resolved(function, hint)) is not None}


def is_upload(hint: Any) -> bool:
    """Whether a hint is an `UploadFile`, Starlette's or FastAPI's, or a list of them."""
    if typing.get_origin(hint) is list:
        return is_upload(typing.get_args(hint)[0])
    return _class_named(strip(hint), "UploadFile", ("starlette", "fastapi"))


def is_request(hint: Any) -> bool:
    """Whether a hint is Starlette's `Request`, or FastAPI's, which is the same."""
    return _class_named(hint, "Request", ("starlette", "fastapi"))


def is_many(hint: Any) -> bool:
    """Whether a hint takes several values of one name, as a repeated field of a form or query has."""
    members = _members(strip(hint))
    return any((typing.get_origin(member) or member) in _SEQUENCES for member in members)


def is_scalar(hint: Any) -> bool:
    """Whether a hint holds a single value, so that a lone parameter of it is a field and not the whole payload."""
    for member in _members(strip(hint)):
        origin = typing.get_origin(member)
        if origin is typing.Literal:
            continue
        if origin is not None or not (isinstance(member, type) and issubclass(member, _SCALARS)):
            return False
    return True


def strip(hint: Any) -> Any:
    """A hint without its `Annotated` wrapper."""
    return typing.get_args(hint)[0] if typing.get_origin(hint) is typing.Annotated else hint


def takes_none(hint: Any) -> bool:
    """Whether None fits the hint."""
    return hint is Any or type(None) in _members(strip(hint)) or strip(hint) is None


def mentions_pydantic(hint: Any) -> bool:
    """Whether a hint is, holds, or is annotated with something of pydantic's."""
    if "pydantic" not in sys.modules:
        return False
    if isinstance(hint, type) and hasattr(hint, "__pydantic_validator__"):
        return True
    if typing.get_origin(hint) is typing.Annotated:
        extras = typing.get_args(hint)[1:]
        if any(type(extra).__module__.split(".")[0] in ("pydantic", "annotated_types") for extra in extras):
            return True
    return any(mentions_pydantic(part) for part in typing.get_args(hint))


class Converter:
    """Converts one value, or one JSON text, to a hint. `lax` takes numbers and dates from text, as in a query."""

    __slots__ = ("_adapter", "decode", "hint", "partial")

    def __init__(self, name: str, hint: Any) -> None:
        self.hint = hint
        self._adapter: Any = None
        self.partial = holds_dataclass(hint)  # whether msgspec leaves defaults out
        if mentions_pydantic(hint):
            self._adapter = sys.modules["pydantic"].TypeAdapter(hint)
            self.decode: Callable[[bytes], Any] = self._adapter.validate_json
            return
        refuse_unsupported(name, hint)
        decode = msgspec.json.Decoder(hint, dec_hook=decode_custom).decode
        self.decode = filling(decode) if self.partial else decode

    @property
    def pydantic(self) -> bool:
        """Whether the user's pydantic converts."""
        return self._adapter is not None

    def convert(self, value: Any, lax: bool = False) -> Any:
        """The value, converted. Errors: msgspec.ValidationError or pydantic.ValidationError."""
        if self._adapter is not None:
            return self._adapter.validate_python(value)
        found = msgspec.convert(value, self.hint, strict=not lax, dec_hook=decode_custom)
        if self.partial:
            fill(found)
        return found

    def problems(self, value: Any, path: str, lax: bool = False) -> list[Problem]:
        """Every field of `value` that does not fit, empty when it does."""
        if self._adapter is None:
            return problems(value, self.hint, path, lax)
        try:
            self._adapter.validate_python(value)
        except sys.modules["pydantic"].ValidationError as error:
            return pydantic_problems(error, path)
        return []

    def schema(self, ref_template: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The JSON Schema (2020-12) of the hint, and the named schemas that it refers to."""
        if self._adapter is not None:
            found = self._adapter.json_schema(ref_template=ref_template.format(name="{model}"))
            return found, found.pop("$defs", {})
        (found,), named = msgspec.json.schema_components([self.hint], ref_template=ref_template, schema_hook=_schema)
        return found, named


def refuse_unsupported(name: str, hint: Any) -> None:
    """Refuse a hint that no JSON value can be converted to. Errors: SignatureError that names the parameter."""
    try:
        for found in _custom_types(msgspec.inspect.type_info(hint)):
            if not _convertible(found):
                raise TypeError(f"{_name(found)} cannot be made from JSON")
        msgspec.json.Decoder(hint, dec_hook=decode_custom)
    except (TypeError, RecursionError, ValueError) as error:
        raise SignatureError(
            f"the hint of argument {name!r} is {_name(hint)}: {str(error).partition(chr(10))[0]}",
            hint="use a type that JSON can hold, a dataclass, TypedDict, msgspec.Struct or pydantic model, or no hint",
        ) from None


def decode_custom(hint: Any, value: Any) -> Any:
    """Build what msgspec does not know: pydantic models, DataFrames, arrays, paths."""
    kind = typing.get_origin(hint) or hint
    if hasattr(kind, "__pydantic_validator__"):
        return sys.modules["pydantic"].TypeAdapter(hint).validate_python(value)
    if kind.__name__ == "ndarray":
        return sys.modules["numpy"].asarray(value)
    if issubclass(kind, complex) and isinstance(value, list):
        return complex(*value)
    return kind(value)  # DataFrame(records or columns), Path(text), Series(list)


def problems(value: Any, hint: Any, path: str, lax: bool = False) -> list[Problem]:
    """Every part of `value` that does not fit `hint`, each with its path; empty when all fits.

    msgspec stops at the first problem; this descends and asks again for each part. Only on the way to a 422.
    """
    try:
        msgspec.convert(value, hint, strict=not lax, dec_hook=decode_custom)
    except msgspec.ValidationError as error:
        inner = _inner(value, strip(hint), path, lax)
        return inner or [_problem(error, path)]
    return []


def pydantic_problems(error: Any, path: str) -> list[Problem]:
    """Every problem that a pydantic ValidationError holds."""
    found = []
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in item["loc"])
        found.append(Problem((path + where).lstrip("."), item["msg"]))
    return found


def _inner(value: Any, hint: Any, path: str, lax: bool) -> list[Problem]:
    """Problems of the fields of an object or the items of a list; empty when the value is neither."""
    if isinstance(value, dict) and _has_fields(hint):
        found = []
        info = msgspec.inspect.type_info(hint)
        types_of = typing.get_type_hints(hint, include_extras=True)
        known = set()
        for field in getattr(info, "fields", ()):
            known.add(field.encode_name)
            where = f"{path}.{field.encode_name}".lstrip(".")
            if field.encode_name in value:
                found += problems(value[field.encode_name], types_of[field.name], where, lax)
            elif field.required:
                found.append(Problem(where, "missing"))
        if getattr(info, "forbid_unknown_fields", False):
            found += [Problem(f"{path}.{key}".lstrip("."), "unknown field") for key in value if key not in known]
        return found
    if isinstance(value, list) and typing.get_origin(hint) is list:
        item = typing.get_args(hint)[0]
        found = []
        for index, part in enumerate(value):
            found += problems(part, item, f"{path}[{index}]", lax)
            if len(found) >= _MOST_ITEMS:
                break
        return found
    return []


def _problem(error: msgspec.ValidationError, path: str) -> Problem:
    """`Expected int, got str - at $.a[0]` as a problem below `path`."""
    text = str(error)
    match = _PATH.search(text)
    where = match[1].replace("[...]", "[]") if match else ""
    return Problem((path + where).lstrip("."), _PATH.sub("", text).replace("`", ""))


def _resolved(function: Callable[..., Any], hint: Any) -> Any:
    if not isinstance(hint, str):
        return hint
    try:
        return eval(hint, getattr(inspect.unwrap(function), "__globals__", {}))  # noqa: S307 (the user's own source)
    except Exception:
        return None


def _members(hint: Any) -> tuple[Any, ...]:
    """The members of a union, without their `Annotated` wrappers; of anything else itself."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return tuple(strip(member) for member in typing.get_args(hint))
    return (hint,)


def _class_named(hint: Any, name: str, packages: tuple[str, ...]) -> bool:
    """Whether a hint is, or derives from, a class of that name: known without importing its package."""
    return isinstance(hint, type) and any(
        base.__name__ == name and base.__module__.split(".")[0] in packages for base in hint.__mro__
    )


def _has_fields(hint: Any) -> bool:
    return isinstance(hint, type) and (
        issubclass(hint, msgspec.Struct) or is_dataclass(hint) or typing.is_typeddict(hint)
    )


def _custom_types(info: Any) -> list[Any]:
    """The classes below a msgspec type that msgspec itself cannot make."""
    found, todo, seen = [], [info], set()
    while todo:
        node = todo.pop()
        if isinstance(node, msgspec.inspect.CustomType):
            found.append(node.cls)
        elif isinstance(node, (list, tuple)):
            todo += node
        elif isinstance(node, (msgspec.inspect.Type, msgspec.inspect.Field)) and id(node) not in seen:
            seen.add(id(node))
            todo += [getattr(node, name) for name in node.__struct_fields__]
    return found


def _convertible(kind: Any) -> bool:
    kind = typing.get_origin(kind) or kind
    if hasattr(kind, "__pydantic_validator__") or (isinstance(kind, type) and issubclass(kind, complex)):
        return True
    names = {(base.__module__.split(".")[0], base.__name__) for base in getattr(kind, "__mro__", ())}
    known = {("pandas", "DataFrame"), ("pandas", "Series"), ("polars", "DataFrame"), ("polars", "Series"),
             ("numpy", "ndarray"), ("pathlib", "PurePath")}  # fmt: skip
    return bool(names & known)


def _schema(kind: Any) -> dict[str, Any]:
    """The JSON Schema of a class that msgspec does not know."""
    kind = typing.get_origin(kind) or kind
    if hasattr(kind, "model_json_schema"):
        return kind.model_json_schema()  # type: ignore[no-any-return]
    if kind.__name__ in ("DataFrame", "ndarray", "Series"):
        return {"type": ["array", "object"], "description": kind.__name__}
    return {"type": "string"}


def _name(hint: Any) -> str:
    return (
        hint.__qualname__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint).replace("typing.", "")
    )
