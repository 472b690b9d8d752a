"""Examine the hints of a callable. Third-party classes are recognised by name, so that nothing has to be imported."""

from __future__ import annotations

import datetime
import decimal
import enum
import functools
import inspect
import sys
import types
import typing
import uuid
from collections.abc import Callable, Collection, MutableSequence, MutableSet, Sequence, Set
from dataclasses import is_dataclass
from typing import Any, TypeGuard

import msgspec

_SCALARS = (
    str, bytes, bytearray, int, float, bool, complex, type(None), decimal.Decimal, uuid.UUID, enum.Enum,
    datetime.date, datetime.time, datetime.timedelta,
)  # fmt: skip
MANY = (list, tuple, set, frozenset, Collection, Sequence, MutableSequence, Set, MutableSet)
_QUALIFIERS = ("Required", "NotRequired", "ReadOnly", "Final")


def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    """Return the signature of a callable. Errors: TypeError, ValueError when it has no readable signature."""
    if sys.version_info >= (3, 14):  # the default format evaluates hints, also those that exist for type checkers only
        import annotationlib

        return inspect.signature(function, annotation_format=annotationlib.Format.FORWARDREF)
    return inspect.signature(function)


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the resolved hints of a callable by parameter, and the hint of its result as `return`.

    A hint that cannot be resolved, such as a name imported under TYPE_CHECKING only, counts as no hint.
    """
    source = _find_hinted(function)
    names = getattr(source, "__globals__", {})
    hints = {name: _resolve_hint(name, hint, names) for name, hint in _read_annotations(source).items()}
    return {name: hint for name, hint in hints.items() if hint is not None}


def unresolved_hints(function: Callable[..., Any]) -> dict[str, str]:
    """Return the hints that `hints_of` leaves out, as they were written, by parameter."""
    written, resolved = _read_annotations(_find_hinted(function)), hints_of(function)
    return {
        name: hint if isinstance(hint, str) else getattr(hint, "__forward_arg__", None) or hint_text(hint)
        for name, hint in written.items()
        if name not in resolved
    }


def is_class(hint: Any) -> TypeGuard[type]:
    """Return whether a hint is a class. `list[int]`, which Python 3.10 takes for one, is not."""
    return isinstance(hint, type) and not isinstance(hint, types.GenericAlias)


def bound_name(function: Callable[..., Any]) -> str:
    """Return the name of a first parameter that is bound already, such as `self` of a method; else empty text."""
    code = getattr(_find_hinted(function), "__code__", None)
    first: str = code.co_varnames[0] if code is not None and code.co_argcount else ""
    return "" if first in signature_of(function).parameters else first


def strip(hint: Any) -> Any:
    """Return a hint without its wrappers: `Annotated`, `NewType`, `type X = ...`, `Required`."""
    while True:
        if hasattr(hint, "__supertype__"):
            hint = hint.__supertype__
        elif type(hint).__name__ == "TypeAliasType":
            hint = hint.__value__
        elif typing.get_origin(hint) is typing.Annotated or _is_qualified(hint):
            hint = typing.get_args(hint)[0]
        else:
            return hint


def union_members(hint: Any) -> tuple[Any, ...]:
    """Return the members of a union, each stripped; for any other hint, the hint itself."""
    hint = strip(hint)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return tuple(strip(member) for member in typing.get_args(hint))
    return (hint,)


def unwrap_optional(hint: Any) -> Any:
    """Return the hint without `None`: `X` for `X`, `X | None` and `Annotated[X, ...]`; a larger union as it is."""
    rest = [member for member in union_members(hint) if member not in (None, type(None))]
    return rest[0] if len(rest) == 1 else strip(hint)


def is_upload(hint: Any) -> bool:
    """Return whether a hint is an `UploadFile` of Starlette or FastAPI, or a list of them."""
    hint = unwrap_optional(hint)
    if typing.get_origin(hint) is list:
        return is_upload(typing.get_args(hint)[0])
    return is_class_named(hint, "UploadFile", "starlette", "fastapi")


def is_list(hint: Any) -> bool:
    """Return whether a hint is `list[...]` or `list[...] | None`."""
    return typing.get_origin(unwrap_optional(hint)) is list


def is_many(hint: Any) -> bool:
    """Return whether a hint takes several values of one name, as a repeated field of a form or query has."""
    return any((typing.get_origin(member) or member) in MANY for member in union_members(hint))


def is_scalar(hint: Any) -> bool:
    """Return whether a hint holds a single value. A lone parameter of such a hint is a field, not the payload."""
    for member in union_members(hint):
        origin = typing.get_origin(member)
        if origin is typing.Literal:
            continue
        is_plain = isinstance(member, type) and (issubclass(member, _SCALARS) or plain_number(member) is not None)
        if origin is not None or not is_plain:
            return False
    return True


def takes_none(hint: Any) -> bool:
    """Return whether None fits the hint."""
    return hint is Any or any(member in (None, type(None), Any) for member in union_members(hint))


def has_fields(hint: Any) -> bool:
    """Return whether a hint is a class whose fields msgspec knows: a Struct, a dataclass, a TypedDict."""
    return is_class(hint) and (issubclass(hint, msgspec.Struct) or is_dataclass(hint) or typing.is_typeddict(hint))


def is_pydantic(hint: Any) -> bool:
    """Return whether pydantic validates a class: a model, a pydantic dataclass, a type such as `HttpUrl`."""
    return is_class(hint) and (hasattr(hint, "__pydantic_validator__") or hasattr(hint, "__get_pydantic_core_schema__"))


def mentions_pydantic(hint: Any) -> bool:
    """Return whether a hint is, holds, or is annotated with a type of pydantic."""
    if "pydantic" not in sys.modules:
        return False
    todo: list[Any] = [hint]
    alive: list[Any] = []  # keeps each object alive, as its id may be reused after it
    visited: set[int] = set()
    while todo:
        part = todo.pop()
        if id(part) in visited:  # an alias may refer to itself
            continue
        visited.add(id(part))
        alive.append(part)
        if is_pydantic(part):
            return True
        if typing.get_origin(part) is typing.Annotated:
            extras = typing.get_args(part)[1:]
            if any(type(extra).__module__.split(".")[0] in ("pydantic", "annotated_types") for extra in extras):
                return True
        bare = strip(part)
        todo += [bare] if bare is not part else typing.get_args(part)
    return False


def field_hints(hint: Any) -> dict[str, Any]:
    """Return the hints of the fields of a class by their names in JSON; empty for a class without fields."""
    if has_fields(hint) and not is_pydantic(hint):
        info, hints = msgspec.inspect.type_info(hint), typing.get_type_hints(hint, include_extras=True)
        return {field.encode_name: _strip_qualifiers(hints[field.name]) for field in getattr(info, "fields", ())}
    models = getattr(hint, "__pydantic_fields__", None) or {}
    return {model.alias or name: model.annotation for name, model in models.items()}


def is_class_named(hint: Any, name: str, *packages: str) -> bool:
    """Return whether a hint is, or derives from, a class of that name in one of the packages."""
    return is_class(hint) and any(
        base.__name__ == name and base.__module__.split(".")[0] in packages for base in hint.__mro__
    )


def plain_number(kind: Any) -> type | None:
    """Return Python's class for a class of numpy's numbers: `int` for `int64`; None for any other."""
    for name, plain in (("integer", int), ("floating", float), ("bool", bool), ("bool_", bool)):
        if is_class_named(kind, name, "numpy"):
            return plain
    return None


def hint_text(hint: Any) -> str:
    """Return a hint as its author would write it."""
    if hint is Any:
        return "any"
    if is_class(hint):
        return "None" if hint is type(None) else hint.__qualname__
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return " | ".join(map(hint_text, typing.get_args(hint)))
    return str(hint).replace("typing.", "")


def _is_qualified(hint: Any) -> bool:
    return getattr(typing.get_origin(hint), "_name", None) in _QUALIFIERS


def _strip_qualifiers(hint: Any) -> Any:
    """Return a hint without qualifiers such as `NotRequired`, which are valid only inside a TypedDict."""
    return _strip_qualifiers(typing.get_args(hint)[0]) if _is_qualified(hint) else hint


def _find_hinted(function: Any) -> Any:
    """Return the function that carries a callable's hints: inside partials, decorators, classes and `__call__`."""
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        elif inspect.isclass(function):
            return function.__init__
        elif inspect.isroutine(function):
            return function
        else:
            function = type(function).__call__


def _read_annotations(function: Any) -> dict[str, Any]:
    """Return the hints as they were written. A name that does not exist stays text or a forward reference."""
    if sys.version_info >= (3, 14):
        import annotationlib

        return annotationlib.get_annotations(function, format=annotationlib.Format.FORWARDREF)
    return getattr(function, "__annotations__", None) or {}


def _resolve_hint(name: str, hint: Any, names: dict[str, Any]) -> Any:
    """Return one hint, resolved independently of the others; None when it cannot be resolved."""

    def alone() -> None: ...

    alone.__annotations__ = {name: _with_references(hint)}
    try:
        return typing.get_type_hints(alone, globalns=names, include_extras=True)[name]
    except Exception:
        return None


def _with_references(hint: Any) -> Any:
    """Return `list["Order"]` with a forward reference in place of the text, which Python 3.10 would not resolve."""
    if not isinstance(hint, types.GenericAlias):
        return hint
    origin: Any = hint.__origin__
    parts = [typing.ForwardRef(part) if isinstance(part, str) else _with_references(part) for part in hint.__args__]
    return types.GenericAlias(origin, tuple(parts))
