"""Example calls of a handler: a request by curl, and a run on the command line. Their values fit the hints."""

from __future__ import annotations

import datetime
import decimal
import enum
import functools
import json
import shlex
import typing
import uuid
from collections.abc import Mapping
from typing import Any

import msgspec

from .binder import Binder, Parameter, PayloadMode
from .cloudevent import REQUIRED
from .convert import UnconvertibleInput, is_read_as_input
from .example_limits import find_limits, fit_example
from .type_hints import (
    field_hints,
    has_fields,
    hint_text,
    is_class,
    is_class_named,
    is_list,
    is_many,
    is_pydantic,
    plain_number,
    takes_none,
    union_members,
    unwrap_optional,
)

_DEPTH = 8  # levels of nested values; deeper ones are left empty
_MOST_FIELDS = 50  # fields of all classes in one example; classes that refer to each other could have millions
_VALUES: tuple[tuple[type, Any], ...] = (  # the first class that fits; a bool is an int, a datetime a date
    (bool, True),
    (int, 1),
    (float, 1.5),
    (complex, "1+2j"),
    (decimal.Decimal, "1.50"),
    (str, "text"),
    (bytes, "dGV4dA=="),
    (bytearray, "dGV4dA=="),
    (datetime.datetime, "2024-01-31T12:00:00Z"),
    (datetime.date, "2024-01-31"),
    (datetime.time, "12:00:00"),
    (datetime.timedelta, "PT90S"),
    (uuid.UUID, "7c9e6679-7425-40de-944b-e07fc1f90ae7"),
)
EXAMPLE_EVENT = {"id": "1", "source": "/example", "type": "example", "specversion": "1.0"}


def request_line(binder: Binder, port: int) -> str:
    """Return a curl command that calls the service: all required fields, or the first field if none is required."""
    url = f"localhost:{port}"
    if binder.event_name:
        event = {name: EXAMPLE_EVENT[name] for name in REQUIRED}
        data = {"data": _make_object(binder.parameters)} if binder.parameters else {}
        return f"curl {url} -H 'content-type: application/cloudevents+json' -d {_format_json({**event, **data})}"
    if binder.mode is PayloadMode.NONE:
        return f"curl {url}"
    if binder.mode is PayloadMode.RAW:
        return f"curl {url} -H 'content-type: application/octet-stream' --data-binary @FILE"
    if binder.mode is PayloadMode.WHOLE:
        return f"curl {url} --json {_format_json(example_value(binder.parameters[0].hint))}"
    if binder.uploads:
        return " ".join(["curl", url, *(_format_part(parameter) for parameter in _choose_required(binder.parameters))])
    return f"curl {url} --json {_format_json(_make_object(binder.parameters))}"


def run_line(binder: Binder, target: str) -> str:
    """Return an `ovenbird run` command with the required arguments; an argument that JSON cannot hold is an input."""
    words = ["ovenbird", "run", shlex.quote(target)]
    for parameter in binder.parameters:
        if not parameter.required:
            continue
        if is_input(parameter):
            words += ["--input", f"{parameter.name}=KEY_OR_FILE"]
        else:
            value = example_value(parameter.hint)
            text = value if isinstance(value, str) else json.dumps(value)
            words += ["--param", shlex.quote(f"{parameter.name}={text}")]
    return " ".join(words)


def is_input(parameter: Parameter) -> bool:
    """Return whether a job takes this argument as an input: a table, a file, an entity; bytes are read from a file."""
    hint = unwrap_optional(parameter.hint)
    if isinstance(parameter.converter, UnconvertibleInput):
        return is_read_as_input(hint)
    return hint is bytes or any(
        is_class_named(hint, *names)
        for names in (("DataFrame", "pandas", "polars"), ("Series", "pandas", "polars"), ("PurePath", "pathlib"))
    )


def explain_instances(binder: Binder) -> str:
    """Return why a command cannot fill the required arguments, or an empty text: a class of the user's has no form."""
    names = [parameter for parameter in binder.parameters if parameter.required and is_instance_only(parameter)]
    if not names:
        return ""
    listed = ", ".join(f"`{parameter.name}: {hint_text(parameter.hint)}`" for parameter in names)
    return f'neither a parameter nor an input makes {listed}: `run(on="here")` of the Python API takes an instance'


def is_instance_only(parameter: Parameter) -> bool:
    """Return whether only an object of this process fills an argument, such as one of a class of the user's."""
    return isinstance(parameter.converter, UnconvertibleInput) and not is_input(parameter)


def example_value(hint: Any) -> Any:
    """Return a small JSON value that fits a hint, as far as the hint shows."""
    return _Example().value(hint, 0)


class _Example:
    """Makes one value. A part that lies too deep, or exceeds the number of fields, is left empty."""

    def __init__(self) -> None:
        self._room = _MOST_FIELDS

    def value(self, hint: Any, depth: int) -> Any:
        """Return a value for a part of the hint."""
        return fit_example(self._plain_value(hint, depth), find_limits(hint))

    def _plain_value(self, hint: Any, depth: int) -> Any:
        bare = unwrap_optional(hint)
        if len(union_members(bare)) > 1:
            bare = union_members(bare)[0]
        origin, parts = typing.get_origin(bare), typing.get_args(bare)
        if origin is typing.Literal:
            return parts[0]
        if is_many(bare):
            return [] if depth >= _DEPTH or not parts else self._items(origin, parts, depth)
        kind = origin or bare
        if not is_class(kind):
            return {"key": "value"} if depth == 0 else "text"
        if kind is type(None):
            return None
        if issubclass(kind, enum.Enum):
            return next(iter(kind)).value
        if is_class_named(kind, "DataFrame", "pandas", "polars"):
            return [{"column": 1}]
        if is_class_named(kind, "ndarray", "numpy") or is_class_named(kind, "Series", "pandas", "polars"):
            return [1.0, 2.0]
        if has_fields(bare) or hasattr(bare, "__pydantic_fields__"):
            return None if depth and takes_none(hint) else self._fields(bare, depth)  # a class may hold itself
        if is_pydantic(bare):  # a type such as `HttpUrl`
            return "https://example.com/" if "Url" in bare.__name__ else "text"
        if issubclass(kind, tuple) and hasattr(kind, "_fields"):
            return [] if depth >= _DEPTH or self._room <= 0 else self._named_items(kind, depth)
        if issubclass(kind, Mapping):
            return {"key": self.value(parts[1], depth + 1)} if len(parts) == 2 and parts[0] is str else {}
        kind = plain_number(kind) or kind
        return next((value for base, value in _VALUES if issubclass(kind, base)), "text")

    def _items(self, origin: Any, parts: tuple[Any, ...], depth: int) -> list[Any]:
        if origin is tuple and parts[-1] is not Ellipsis:
            return [self.value(part, depth + 1) for part in parts]
        return [self.value(parts[0], depth + 1)]

    def _named_items(self, kind: Any, depth: int) -> list[Any]:
        """Return an array with the required fields of a NamedTuple, which JSON has in their order."""
        hints = typing.get_type_hints(kind, include_extras=True)
        names = [name for name in kind._fields if name not in kind._field_defaults]
        self._room -= len(names)
        return [self.value(hints.get(name, Any), depth + 1) for name in names]

    def _fields(self, hint: Any, depth: int) -> dict[str, Any] | list[Any]:
        """Return an object with the required fields of a class; an array for a struct that JSON has as one."""
        if depth >= _DEPTH or self._room <= 0:
            return {}
        hints = field_hints(hint)
        if is_pydantic(hint):
            models = getattr(hint, "__pydantic_fields__", None) or {}
            names = [model.alias or name for name, model in models.items() if model.is_required()]
            hints |= {model.alias or name: _annotate(model) for name, model in models.items()}
        else:
            info: Any = msgspec.inspect.type_info(hint)
            names = [field.encode_name for field in info.fields if field.required]
        self._room -= len(names)
        values = {name: self.value(hints[name], depth + 1) for name in names}
        config = getattr(hint, "__struct_config__", None)
        if config is None or is_pydantic(hint):
            return values
        tag = {config.tag_field: config.tag} if config.tag is not None else {}
        return [*tag.values(), *values.values()] if config.array_like else {**tag, **values}


def _annotate(model: Any) -> Any:
    """Return the hint of a field of a pydantic model with its limits."""
    return functools.reduce(lambda hint, limit: typing.Annotated[hint, limit], model.metadata, model.annotation)


def _choose_required(parameters: tuple[Parameter, ...]) -> list[Parameter]:
    return [parameter for parameter in parameters if parameter.required] or list(parameters[:1])


def _make_object(parameters: tuple[Parameter, ...]) -> dict[str, Any]:
    return {parameter.name: example_value(parameter.hint) for parameter in _choose_required(parameters)}


def _format_part(parameter: Parameter) -> str:
    """Return one field of a multipart form, as curl takes it."""
    if parameter.upload:
        return " ".join([f"-F {parameter.name}=@FILE"] * (2 if is_list(parameter.hint) else 1))
    value = example_value(parameter.hint)
    text = value if isinstance(value, str) else json.dumps(value)
    return f"-F {shlex.quote(f'{parameter.name}={text}')}"


def _format_json(value: Any) -> str:
    return shlex.quote(json.dumps(value, ensure_ascii=False))
