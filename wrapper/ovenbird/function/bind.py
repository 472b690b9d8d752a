"""Bind arguments by name: decided once from the signature, then applied to each payload."""

from __future__ import annotations

import enum
import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from ..errors import ArgumentsError, SignatureError
from . import cloudevent
from .defaults import filling
from .hints import (
    Converter,
    Problem,
    decode_custom,
    hints_of,
    is_many,
    is_request,
    is_scalar,
    is_upload,
    pydantic_problems,
    takes_none,
)
from .nearby import near

SERVICE = frozenset(("context", "event", "request"))
JOB = frozenset(("context", "event", "project", "run"))
_EMPTY = inspect.Parameter.empty
_RESERVED_HINTS = {"Context": "context", "Event": "event"}


class Mode(enum.Enum):
    """How the payload reaches the handler."""

    NONE = "none"
    RAW = "raw body"
    WHOLE = "whole payload"
    FIELDS = "fields"


class MalformedError(ArgumentsError):
    """The payload is not what its media type says: it cannot be parsed at all."""

    code = "arguments.malformed"


class FieldsError(ArgumentsError):
    """The payload was parsed and does not fit the handler; `problems` names each field."""

    code = "arguments.fields"

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(f"{field or 'payload'}: {message}" for field, message in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of the handler that the payload fills."""

    name: str
    hint: Any
    required: bool
    default: Any
    upload: bool
    converter: Converter


class Binder:
    """The arguments of one callable.

    `reserved` maps a parameter to what fills it (`context`, `event`, `request`, `project`, `run`); `event_hint` is the
    hint of the parameter `event_name` that takes a CloudEvent; the other parameters are filled from the payload.
    """

    def __init__(
        self, function: Callable[..., Any], reserved: frozenset[str] = SERVICE, *, fields_only: bool = False
    ) -> None:
        self.reserved: dict[str, str] = {}
        self.event_name: str | None = None
        self.event_hint: Any = None
        self.rest = False
        self._positional: list[str] = []
        self.parameters: tuple[Parameter, ...] = self._read(function, reserved)
        self.by_name = {parameter.name: parameter for parameter in self.parameters}
        self.uploads = any(parameter.upload for parameter in self.parameters)
        self.mode = self._mode(fields_only)
        self._struct: Any = None
        if (
            self.mode is Mode.FIELDS
            and not self.rest
            and not any(p.upload or p.converter.pydantic for p in self.parameters)
        ):
            self._struct = _struct(self.parameters)
            decode: Callable[[bytes], Any] = msgspec.json.Decoder(self._struct, dec_hook=decode_custom).decode
            self._decode = filling(decode) if any(p.converter.partial for p in self.parameters) else decode
        elif self.mode is Mode.WHOLE:
            self._decode = self.parameters[0].converter.decode

    def adapt(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, callable by keywords alone even where it has positional-only parameters."""
        names = self._positional
        if not names:
            return function

        def by_keywords(**arguments: Any) -> Any:
            return function(*[arguments.pop(name) for name in names if name in arguments], **arguments)

        return by_keywords

    def from_json(self, body: bytes) -> dict[str, Any]:
        """Arguments from a JSON text. Errors: MalformedError, FieldsError."""
        try:
            if self._struct is not None:
                return msgspec.structs.asdict(self._decode(body))
            if self.mode is Mode.WHOLE:
                return {self.parameters[0].name: self._decode(body)}
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, ValueError):
            pass  # not yet known whether the text is malformed or a field is wrong: the slow path tells
        return self.from_object(parse_json(body))

    def from_object(self, data: Any, *, lax: bool = False, query: Iterable[tuple[str, Any]] = ()) -> dict[str, Any]:
        """Arguments from a parsed payload; `query` fills fields that the payload does not have. Errors: FieldsError."""
        if self.mode is Mode.NONE:
            return {}
        if self.mode in (Mode.WHOLE, Mode.RAW):
            parameter = self.parameters[0]
            found = _convert(parameter, data, "", lax)
            return {parameter.name: found}
        if not isinstance(data, dict):
            raise FieldsError([Problem("", f"expected a JSON object with {self.expected()}, found {_kind(data)}")])
        return self._from_mapping(data, lax, list(query))

    def from_fields(self, pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
        """Arguments from the fields of a form or query, as text or files. Errors: FieldsError."""
        if self.mode is Mode.FIELDS:
            return self._from_mapping({}, True, list(pairs))
        return self.from_object(_grouped(pairs), lax=True)

    def from_nothing(self) -> dict[str, Any]:
        """Arguments when there is neither a body nor a query. Errors: FieldsError."""
        if self.mode is Mode.FIELDS:
            return self._from_mapping({}, False, [])
        if self.mode is Mode.NONE:
            return {}
        (parameter,) = self.parameters
        if not parameter.required:
            return {}
        if self.mode is Mode.RAW:
            return {parameter.name: b""}
        if takes_none(parameter.hint):
            return {parameter.name: None}
        return {parameter.name: _convert(parameter, {}, "", False)}

    def expected(self) -> str:
        """The names of the fields, for a message."""
        return ", ".join(repr(parameter.name) for parameter in self.parameters) or "no fields"

    def _from_mapping(self, data: Mapping[str, Any], lax: bool, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """Fields one by one: from `data` as it is, else from `pairs`, whose values are text."""
        found: dict[str, Any] = {}
        problems: list[Problem] = []
        texts = _grouped_lists(pairs)
        for parameter in self.parameters:
            name = parameter.name
            if name in data:
                value, text = data[name], lax
            elif name in texts:
                many = is_many(parameter.hint)
                value, text = (texts[name] if many else texts[name][-1]), True
            else:
                if parameter.required:
                    problems.append(Problem(name, "missing"))
                continue
            try:
                found[name] = _convert(parameter, value, name, text)
            except FieldsError as error:
                problems += error.problems
        unknown = [key for key in (*data, *texts) if key not in self.by_name]
        if self.rest:
            found.update({key: data[key] if key in data else texts[key][-1] for key in unknown})
        else:
            names = [parameter.name for parameter in self.parameters]
            problems += [Problem(str(key), "unknown field" + _maybe(str(key), names)) for key in unknown]
        if problems:
            raise FieldsError(problems)
        return found

    def _read(self, function: Callable[..., Any], reserved: frozenset[str]) -> tuple[Parameter, ...]:
        """Sort the parameters of the signature into reserved ones and fields."""
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):
            raise SignatureError(
                f"{function!r} does not tell its parameters", hint="wrap it in a function written in Python"
            ) from None
        target = function if inspect.isroutine(function) or inspect.isclass(function) else type(function).__call__
        hints = hints_of(inspect.unwrap(target))
        fields: list[Parameter] = []
        for name, parameter in signature.parameters.items():
            if parameter.kind is parameter.VAR_POSITIONAL:
                continue
            if parameter.kind is parameter.VAR_KEYWORD:
                self.rest = True
                continue
            if parameter.kind is parameter.POSITIONAL_ONLY:
                self._positional.append(name)
            hint = hints.get(name, Any)
            filled = _filled_by(name, hint, reserved)
            if filled == "cloudevent":
                self.event_name, self.event_hint = name, hint
            elif filled:
                self.reserved[name] = filled
            else:
                fields.append(_parameter(name, hint, parameter.default))
        return tuple(fields)

    def _mode(self, fields_only: bool) -> Mode:
        if not self.parameters and not (self.rest and (fields_only or not self.reserved)):
            return Mode.NONE
        if len(self.parameters) != 1 or fields_only or self.rest or self.uploads:
            return Mode.FIELDS
        hint = self.parameters[0].hint
        if hint is bytes:
            return Mode.RAW
        return Mode.WHOLE if hint is Any or not is_scalar(hint) else Mode.FIELDS


def parse_json(body: bytes) -> Any:
    """The value that a JSON text holds. Errors: MalformedError."""
    try:
        return msgspec.json.decode(body)
    except RecursionError:
        raise MalformedError("the JSON is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedError(str(error).replace("JSON is malformed", "the JSON is malformed")) from None


def _filled_by(name: str, hint: Any, reserved: frozenset[str]) -> str | None:
    """What fills a parameter that is not the payload's: by its hint first, then by its name."""
    if "event" in reserved and cloudevent.is_hint(hint):
        return "cloudevent"
    if isinstance(hint, type) and hint.__module__.startswith("ovenbird.") and hint.__name__ in _RESERVED_HINTS:
        return _RESERVED_HINTS[hint.__name__]
    if "request" in reserved and is_request(hint):
        return "request"
    if name not in reserved:
        return None
    # `event: dict` and `request: Order` say that the payload is meant; `context` is never a payload.
    named = isinstance(hint, type) and hint.__name__.lower() == name
    return name if hint is Any or named or name not in ("event", "request") else None


def _parameter(name: str, hint: Any, default: Any) -> Parameter:
    upload = is_upload(hint)
    required = default is _EMPTY
    return Parameter(
        name, hint, required, None if required else default, upload, Converter(name, Any if upload else hint)
    )


def _struct(parameters: tuple[Parameter, ...]) -> Any:
    """A struct with one field for each parameter: msgspec then decodes and validates a JSON object in one step."""
    fields: list[Any] = []
    for parameter in parameters:
        if parameter.required:
            fields.append((parameter.name, parameter.hint))
        else:
            fields.append((parameter.name, parameter.hint, msgspec.field(default_factory=_constant(parameter.default))))
    return msgspec.defstruct("Arguments", fields, kw_only=True, forbid_unknown_fields=True, gc=False)


def _constant(value: Any) -> Callable[[], Any]:
    return lambda: value


def _convert(parameter: Parameter, value: Any, path: str, lax: bool) -> Any:
    if parameter.upload:
        return _upload(parameter, value)
    if hasattr(value, "filename"):
        raise FieldsError([Problem(path, "expected a value, found a file")])
    try:
        return parameter.converter.convert(value, lax)
    except msgspec.ValidationError:
        raise FieldsError(parameter.converter.problems(value, path, lax) or [Problem(path, "does not fit")]) from None
    except ValueError as error:
        if not hasattr(error, "errors"):
            raise
        raise FieldsError(pydantic_problems(error, path)) from None


def _upload(parameter: Parameter, value: Any) -> Any:
    many = typing.get_origin(parameter.hint) is list
    values = value if isinstance(value, list) else [value]
    if not all(hasattr(item, "filename") for item in values):
        raise FieldsError(
            [Problem(parameter.name, "expected a file, as a part of multipart/form-data with a filename")]
        )
    return values if many else values[-1]


def _grouped_lists(pairs: Iterable[tuple[str, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found


def _grouped(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Fields as a mapping: a list where a name is repeated."""
    return {key: values if len(values) > 1 else values[0] for key, values in _grouped_lists(pairs).items()}


def _maybe(key: str, names: list[str]) -> str:
    found = near(key, names)
    return f", {found}" if found.startswith("did") else ""


def _kind(value: Any) -> str:
    return {type(None): "null", list: "an array", str: "a string", bool: "a boolean"}.get(type(value), "a number")
