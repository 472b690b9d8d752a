"""The calls that a value at the top of a module may be made by: run again elsewhere, they give the same.

What is not here may read a file, ask a server, or compute for an hour; such a value is refused.
"""

from __future__ import annotations

import types
from typing import Any

# by the module and the qualified name that the callable itself has
_CALLS = {
    "builtins": (
        "abs all any ascii bin bool bytearray bytes chr complex dict divmod enumerate filter float format frozenset hex"
        " int isinstance issubclass iter len list map max min object oct ord pow property range repr reversed round set"
        " slice sorted str sum tuple type zip"
    ),
    "_operator": "itemgetter attrgetter methodcaller",
    "operator": "itemgetter attrgetter methodcaller",
    "re": "compile escape",
    "logging": "getLogger",
    "os": "getenv cpu_count process_cpu_count",
    "posix": "cpu_count",
    "_collections": "defaultdict deque OrderedDict",
    "collections": "namedtuple OrderedDict Counter defaultdict deque ChainMap",
    "types": "SimpleNamespace MappingProxyType",
    "enum": "Enum IntEnum Flag IntFlag StrEnum EnumType.__call__ auto",
    "typing": "TypeVar ParamSpec TypeVarTuple NewType NamedTuple TypedDict cast",
    "typing_extensions": "TypeVar ParamSpec TypeVarTuple NewType NamedTuple TypedDict",
    "dataclasses": "field make_dataclass",
    "datetime": "date datetime time timedelta timezone date.fromisoformat datetime.fromisoformat",
    "zoneinfo": "ZoneInfo",
    "decimal": "Decimal",
    "fractions": "Fraction",
    "uuid": "UUID",
    "string": "Template",
    "struct": "Struct",
    "_struct": "Struct",
    "functools": "partial",
    "textwrap": "dedent indent",
    "json": "loads dumps",
    "contextvars": "ContextVar",
    "_contextvars": "ContextVar",
    "_thread": "lock allocate_lock RLock _local",
    "threading": "Lock RLock Event Condition Semaphore BoundedSemaphore",
    "asyncio.locks": "Lock Event Semaphore",
    "importlib.util": "find_spec",
    "numpy": (
        "array asarray arange linspace logspace zeros ones full empty eye identity dtype deg2rad rad2deg float16"
        " float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool bool_ str_ datetime64 timedelta64"
    ),
    "pandas": "Timestamp Timedelta",
    "pandas._libs.tslibs.timestamps": "Timestamp",
    "pandas._libs.tslibs.timedeltas": "Timedelta",
    "torch": "device tensor",
    "torch.cuda": "is_available",
    "torch.backends.mps": "is_available",
    "msgspec.json": "Decoder Encoder",
    "pydantic.type_adapter": "TypeAdapter",
    "pydantic.fields": "Field",
}
# every function of these modules
_MODULES = {"math", "cmath", "posixpath", "ntpath", "_operator", "_statistics", "statistics"}
# methods of plain values
_METHODS = {
    str: "*",
    bytes: "*",
    int: "*",
    float: "*",
    tuple: "*",
    frozenset: "*",
    dict: "copy get items keys values fromkeys",
    list: "copy count index",
    set: "copy difference intersection union symmetric_difference issubset issuperset isdisjoint",
}
_METHOD_MODULES = {"datetime", "pathlib", "pathlib._local", "decimal", "fractions", "uuid", "re"}
_PATHS_THAT_READ = {
    "read_text", "read_bytes", "write_text", "write_bytes", "open", "mkdir", "rmdir", "unlink", "rename", "replace",
    "touch", "chmod", "symlink_to", "hardlink_to", "iterdir", "glob", "rglob", "stat", "exists", "is_file", "is_dir",
    "copy", "move", "now", "utcnow", "today",
}  # fmt: skip


def is_pure_call(function: Any) -> bool:
    """Return whether a call of this function, class or bound method gives the same when it is made again."""
    owner = getattr(function, "__self__", None)
    name = str(getattr(function, "__qualname__", "") or getattr(function, "__name__", ""))
    home = getattr(function, "__module__", None) or ""
    if isinstance(owner, types.ModuleType):
        home = home or owner.__name__
    elif owner is not None:
        return _is_pure_method(owner, str(getattr(function, "__name__", "")), name)
    return home in _MODULES or name in _CALLS.get(home, "").split() or _is_path_class(function)


def _is_path_class(function: Any) -> bool:
    return isinstance(function, type) and function.__module__.partition(".")[0] == "pathlib"


def _is_pure_method(owner: Any, name: str, qualified: str) -> bool:
    """Return whether a method of a plain value, or of a class such as `Path`, is pure."""
    kind = owner if isinstance(owner, type) else type(owner)
    if isinstance(owner, type) and qualified in _CALLS.get(kind.__module__, "").split():
        return True
    if kind.__module__ == "os" and kind.__name__ == "_Environ":
        return name == "get"
    if kind in _METHODS:
        return _METHODS[kind] == "*" or name in _METHODS[kind].split()
    return kind.__module__ in _METHOD_MODULES and name not in _PATHS_THAT_READ
