"""Questions about a callable's hints. Classes of other packages are told by name: nothing is imported to ask."""

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
    """The signature of a callable. Errors: TypeError, ValueError when it does not tell."""
    if sys.version_info >= (3, 14):  # the default format evaluates hints, also those that exist for type checkers only
        import annotationlib

        return inspect.signature(function, annotation_format=annotationlib.Format.FORWARDREF)
    return inspect.signature(function)


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The resolved hints of a callable, by parameter, and of its result as `return`.

    A hint that cannot be resolved, such as a name imported under TYPE_CHECKING only, counts as no hint.
    """
    source = _hinted(function)
    names = getattr(source, "__globals__", {})
    hints = {name: _resolved(name, hint, names) for name, hint in _annotations(source).items()}
    return {name: hint for name, hint in hints.items() if hint is not None}


def is_class(hint: Any) -> TypeGuard[type]:
    """Whether a hint is a class, and no `list[int]`, which Python 3.10 takes for one."""
    return isinstance(hint, type) and not isinstance(hint, types.GenericAlias)


def bound_name(function: Callable[..., Any]) -> str:
    """The name of a first parameter that has its argument already, such as `self` of a bound method; else empty."""
    code = getattr(_hinted(function), "__code__", None)
    first: str = code.co_varnames[0] if code is not None and code.co_argcount else ""
    return "" if first in signature_of(function).parameters else first


def strip(hint: Any) -> Any:
    """A hint without what is wrapped around it: `Annotated`, `NewType`, `type X = ...`, `Required`."""
    while True:
        if hasattr(hint, "__supertype__"):
            hint = hint.__supertype__
        elif type(hint).__name__ == "TypeAliasType":
            hint = hint.__value__
        elif typing.get_origin(hint) is typing.Annotated or _is_qualified(hint):
            hint = typing.get_args(hint)[0]
        else:
            return hint


def members(hint: Any) -> tuple[Any, ...]:
    """The members of a union, each stripped; of anything else itself."""
    hint = strip(hint)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return tuple(strip(member) for member in typing.get_args(hint))
    return (hint,)


def core(hint: Any) -> Any:
    """The one thing that a hint asks for: `X` of `X`, `X | None` and `Annotated[X, ...]`; of other unions the union."""
    rest = [member for member in members(hint) if member not in (None, type(None))]
    return rest[0] if len(rest) == 1 else strip(hint)


def is_upload(hint: Any) -> bool:
    """Whether a hint is an `UploadFile`, Starlette's or FastAPI's, or a list of them."""
    hint = core(hint)
    if typing.get_origin(hint) is list:
        return is_upload(typing.get_args(hint)[0])
    return class_named(hint, "UploadFile", "starlette", "fastapi")


def is_list(hint: Any) -> bool:
    """Whether a hint is a `list[...]`, or None."""
    return typing.get_origin(core(hint)) is list


def is_many(hint: Any) -> bool:
    """Whether a hint takes several values of one name, as a repeated field of a form or query has."""
    return any((typing.get_origin(member) or member) in MANY for member in members(hint))


def is_scalar(hint: Any) -> bool:
    """Whether a hint holds a single value, so that a lone parameter of it is a field and not the whole payload."""
    for member in members(hint):
        origin = typing.get_origin(member)
        if origin is typing.Literal:
            continue
        if origin is not None or not (isinstance(member, type) and issubclass(member, _SCALARS)):
            return False
    return True


def takes_none(hint: Any) -> bool:
    """Whether None fits the hint."""
    return hint is Any or any(member in (None, type(None), Any) for member in members(hint))


def has_fields(hint: Any) -> bool:
    """Whether a hint is a class whose fields msgspec knows: a Struct, a dataclass, a TypedDict."""
    return is_class(hint) and (issubclass(hint, msgspec.Struct) or is_dataclass(hint) or typing.is_typeddict(hint))


def is_pydantic(hint: Any) -> bool:
    """Whether a hint is a class that tells pydantic how to make it: a model, a pydantic dataclass, `HttpUrl`."""
    return is_class(hint) and (hasattr(hint, "__pydantic_validator__") or hasattr(hint, "__get_pydantic_core_schema__"))


def mentions_pydantic(hint: Any) -> bool:
    """Whether a hint is, holds, or is annotated with something of pydantic's."""
    if "pydantic" not in sys.modules:
        return False
    todo: list[Any] = [hint]
    alive: list[Any] = []  # an id is a name only as long as its object lives
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
    """The hints of the fields of a class, by their names in JSON; empty for a class that has none."""
    if has_fields(hint) and not is_pydantic(hint):
        info, hints = msgspec.inspect.type_info(hint), typing.get_type_hints(hint, include_extras=True)
        return {field.encode_name: _unqualified(hints[field.name]) for field in getattr(info, "fields", ())}
    models = getattr(hint, "__pydantic_fields__", None) or {}
    return {model.alias or name: model.annotation for name, model in models.items()}


def class_named(hint: Any, name: str, *packages: str) -> bool:
    """Whether a hint is, or derives from, a class of that name in one of the packages."""
    return is_class(hint) and any(
        base.__name__ == name and base.__module__.split(".")[0] in packages for base in hint.__mro__
    )


def hint_text(hint: Any) -> str:
    """A hint as its author would write it."""
    if hint is Any:
        return "any"
    if is_class(hint):
        return "None" if hint is type(None) else hint.__qualname__
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return " | ".join(map(hint_text, typing.get_args(hint)))
    return str(hint).replace("typing.", "")


def _is_qualified(hint: Any) -> bool:
    return getattr(typing.get_origin(hint), "_name", None) in _QUALIFIERS


def _unqualified(hint: Any) -> Any:
    """A hint that stands by itself: `NotRequired` means something inside a TypedDict only."""
    return _unqualified(typing.get_args(hint)[0]) if _is_qualified(hint) else hint


def _hinted(function: Any) -> Any:
    """The function whose hints are those of a callable: through partials, decorators, classes and `__call__`."""
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


def _annotations(function: Any) -> dict[str, Any]:
    """The hints as they were written; what is only a name that does not exist stays text or a reference."""
    if sys.version_info >= (3, 14):
        import annotationlib

        return annotationlib.get_annotations(function, format=annotationlib.Format.FORWARDREF)
    return getattr(function, "__annotations__", None) or {}


def _resolved(name: str, hint: Any, names: dict[str, Any]) -> Any:
    """One hint, resolved by itself; None when it cannot be."""

    def alone() -> None: ...

    alone.__annotations__ = {name: _referring(hint)}
    try:
        return typing.get_type_hints(alone, globalns=names, include_extras=True)[name]
    except Exception:
        return None


def _referring(hint: Any) -> Any:
    """`list["Order"]` with a reference in place of the text, which Python 3.10 would leave as it is."""
    if not isinstance(hint, types.GenericAlias):
        return hint
    origin: Any = hint.__origin__
    parts = [typing.ForwardRef(part) if isinstance(part, str) else _referring(part) for part in hint.__args__]
    return types.GenericAlias(origin, tuple(parts))
