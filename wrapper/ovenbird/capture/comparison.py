"""Compare what lives in a session with what its source gives: code objects and values."""

from __future__ import annotations

import functools
import math
import types
from collections import ChainMap, Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator
from typing import Any

_FIELDS = (
    "co_argcount", "co_posonlyargcount", "co_kwonlyargcount", "co_code", "co_names", "co_varnames", "co_freevars",
    "co_cellvars", "co_name",
)  # fmt: skip
FUTURE_ANNOTATIONS = 0x1000000  # CO_FUTURE_ANNOTATIONS
_OPTIMIZED = 0x1  # CO_OPTIMIZED: the code of a function, not that of a class body
_DEPTH = 50  # levels of nested values that are compared
_MAPPINGS = (dict, OrderedDict, defaultdict, Counter)
_SEQUENCES = (list, tuple, deque)
# what each evaluation makes anew, and no two of which are equal: the type is all that can be compared
_FRESH = {
    "_thread.lock", "_thread.RLock", "_thread._local", "threading.Lock", "threading.Event", "threading.Condition",
    "threading.Semaphore", "threading.BoundedSemaphore", "typing.TypeVar", "typing.ParamSpec", "typing.TypeVarTuple",
    "typing.NewType", "typing.TypeAliasType", "_contextvars.ContextVar", "builtins.object", "logging.Logger",
    "logging.RootLogger", "string.Template", "_struct.Struct", "operator.itemgetter", "operator.attrgetter",
    "operator.methodcaller", "asyncio.locks.Lock", "asyncio.locks.Semaphore", "asyncio.locks.Event",
    "builtins.property", "dataclasses.Field", "msgspec.json.Decoder", "msgspec.json.Encoder",
    "pydantic.type_adapter.TypeAdapter",
}  # fmt: skip


def same_code(first: types.CodeType, second: types.CodeType) -> bool:
    """Return whether two code objects do the same, wherever in a file they stand."""
    if any(getattr(first, field) != getattr(second, field) for field in _FIELDS):
        return False
    if (first.co_flags ^ second.co_flags) & ~FUTURE_ANNOTATIONS:
        return False
    mine, other = _list_constants(first), _list_constants(second)
    return len(mine) == len(other) and all(map(_same_constant, mine, other))


def _list_constants(code: types.CodeType) -> list[Any]:
    """Return the constants; without the line that a class keeps as `__firstlineno__`, from Python 3.13 on."""
    is_class = not code.co_flags & _OPTIMIZED
    return [None if is_class and value == code.co_firstlineno else value for value in code.co_consts]


def _same_constant(first: Any, second: Any) -> bool:
    if type(first) is not type(second):
        return False
    if isinstance(first, types.CodeType):
        return same_code(first, second)
    if isinstance(first, tuple):
        return len(first) == len(second) and all(map(_same_constant, first, second))
    if isinstance(first, frozenset):
        return {(type(item), repr(item)) for item in first} == {(type(item), repr(item)) for item in second}
    return repr(first) == repr(second)  # -0.0, NaN


def iterate_code(code: types.CodeType) -> Iterator[types.CodeType]:
    """Yield a code object and all that are nested in it."""
    yield code
    for value in code.co_consts:
        if isinstance(value, types.CodeType):
            yield from iterate_code(value)


def same_value(first: Any, second: Any, depth: int = 0) -> bool:
    """Return whether two values are equal, with the same types all the way down.

    Of what has no equality, such as a lock or a type variable, the types are compared.
    """
    if first is second:
        return True
    kind = type(first)
    if kind is not type(second) or depth > _DEPTH:
        return False
    if issubclass(kind, types.FunctionType):
        cells = [[cell.cell_contents for cell in function.__closure__ or ()] for function in (first, second)]
        return same_code(first.__code__, second.__code__) and same_value(cells[0], cells[1], depth + 1)
    if kind is float and math.isnan(first):
        return math.isnan(second)
    if kind in _SEQUENCES:
        return len(first) == len(second) and all(same_value(*pair, depth + 1) for pair in zip(first, second))  # noqa: B905
    if kind in _MAPPINGS:
        # the order counts: it is what a loop sees
        items = zip(first.items(), second.items())  # noqa: B905
        return len(first) == len(second) and all(same_value(*pair, depth + 1) for pair in items)
    if kind is functools.partial:
        parts = [(value.func, value.args, value.keywords) for value in (first, second)]
        return same_value(parts[0], parts[1], depth + 1)
    if kind is ChainMap:
        return same_value(first.maps, second.maps, depth + 1)
    if kind is types.SimpleNamespace:
        return same_value(vars(first), vars(second), depth + 1)
    if f"{kind.__module__}.{kind.__qualname__}" in _FRESH or isinstance(first, type):
        return not isinstance(first, type) or _same_class(first, second)
    return _equal(first, second)


def _same_class(first: type, second: type) -> bool:
    """Return whether two classes made by calls, such as `namedtuple("P", "x y")`, have the same content."""
    if first.__name__ != second.__name__ or first.__bases__ != second.__bases__:
        return False
    members = [getattr(kind, "__members__", None) or getattr(kind, "_fields", None) for kind in (first, second)]
    if isinstance(members[0], types.MappingProxyType):
        members = [{name: member.value for name, member in dict(content or {}).items()} for content in members]
    return same_value(members[0], members[1]) if members[0] is not None else vars(first).keys() == vars(second).keys()


def _equal(first: Any, second: Any) -> bool:
    if hasattr(first, "dtype") and hasattr(first, "tobytes"):
        kinds = [(value.dtype, getattr(value, "shape", ())) for value in (first, second)]
        if kinds[0] != kinds[1]:
            return False
        if first.dtype.hasobject:
            return bool(same_value(first.tolist(), second.tolist()))
        return bool(first.tobytes() == second.tobytes())
    try:
        return (first == second) is True
    except Exception:  # the `==` of a user's class may raise anything
        return False
