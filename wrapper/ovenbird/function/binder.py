"""Bind arguments by name: decided once from the signature, then applied to each payload."""

from __future__ import annotations

import enum
import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from ..common.text import show_value
from ..errors import SignatureError
from .convert import Converter, UnconvertibleInput, decode_custom, parse_json
from .dataclass_defaults import with_defaults
from .form_fields import CHARSET_FIELD, as_hinted, as_object, drop_empty, group_values
from .injected import CLOUDEVENT, JOB, SERVICE, injection_kind
from .single_parameter import can_unwrap, expected_body, is_wrapped, make_wrapper_finder
from .type_hints import (
    bound_name,
    hints_of,
    is_list,
    is_many,
    is_scalar,
    is_upload,
    signature_of,
    takes_none,
    unresolved_hints,
    unwrap_optional,
)
from .validation_errors import (
    FieldError,
    MalformedPayloadError,
    PayloadValidationError,
    collect_unknown_fields,
    json_type_name,
)

__all__ = [
    "JOB",
    "SERVICE",
    "Binder",
    "MalformedPayloadError",
    "Parameter",
    "PayloadMode",
    "PayloadValidationError",
    "parse_json",
]
_EMPTY = inspect.Parameter.empty


class PayloadMode(enum.Enum):
    """How the payload reaches the handler."""

    NONE = "none"
    RAW = "raw body"
    WHOLE = "whole payload"
    FIELDS = "fields"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of the handler that the payload fills."""

    name: str
    hint: Any
    required: bool
    default: Any
    upload: bool
    converter: Converter

    def convert(self, value: Any, lax: bool) -> Any:
        """Return the value of this field, converted. Errors: PayloadValidationError."""
        if not self.upload:
            if hasattr(value, "filename"):
                raise PayloadValidationError([FieldError(self.name, "expected a value, found a file")])
            return self.converter.convert(value, self.name, lax)
        values = value if isinstance(value, list) else [value]
        if not (values or is_list(self.hint)) or not all(hasattr(item, "filename") for item in values):
            expected = "expected a file, as a part of multipart/form-data with a filename"
            raise PayloadValidationError([FieldError(self.name, expected)])
        return values if is_list(self.hint) else values[-1]


class Binder:
    """Binds the arguments of one callable.

    `reserved` maps a parameter to what fills it (`context`, `event`, `request`, `project`, `run`); `event_hint` is the
    hint of the parameter `event_name` that takes a CloudEvent; the other parameters are filled from the payload.
    """

    def __init__(
        self, function: Callable[..., Any], reserved: frozenset[str] = SERVICE, *, fields_only: bool = False
    ) -> None:
        self._job = reserved is JOB  # its arguments may also be inputs, of types that JSON cannot hold
        self.reserved: dict[str, str] = {}
        self.event_name: str | None = None
        self.event_hint: Any = None
        self.takes_rest = False
        self.unresolved: dict[str, str] = {}  # hints of parameters that could not be resolved, as they were written
        self._positional: dict[str, Any] = {}
        self.parameters: tuple[Parameter, ...] = self._read(function, reserved)
        self.by_name = {parameter.name: parameter for parameter in self.parameters}
        self.uploads = any(parameter.upload for parameter in self.parameters)
        self.mode = self._mode(fields_only)
        self._struct: Any = None
        self._unwraps = False
        self._may_be_wrapped: Callable[[bytes], object] = lambda _: None
        if (
            self.mode is PayloadMode.FIELDS
            and not self.takes_rest
            # a class mangles `__x` and uses `__init__`: such names are bound one by one
            and not any(p.upload or p.converter.pydantic or p.name.startswith("__") for p in self.parameters)
        ):
            self._struct = _make_struct(self.parameters)
            decode: Callable[[bytes], Any] = msgspec.json.Decoder(self._struct, dec_hook=decode_custom).decode
            self._decode = with_defaults(decode) if any(p.converter.has_defaults for p in self.parameters) else decode
        elif self.mode is PayloadMode.WHOLE:
            (parameter,) = self.parameters
            self._decode = parameter.converter.decode
            self._unwraps = can_unwrap(parameter.name, parameter.hint)
            if self._unwraps:
                self._may_be_wrapped = make_wrapper_finder(parameter.name)

    def adapt(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return `function` as a callable that takes keywords alone, even where it has positional-only parameters."""
        first = self._positional
        if not first:
            return function

        def by_keywords(**arguments: Any) -> Any:
            return function(*[arguments.pop(name, default) for name, default in first.items()], **arguments)

        by_keywords.__wrapped__ = function  # type: ignore[attr-defined]
        return by_keywords

    def from_json(self, body: bytes) -> dict[str, Any]:
        """Return the arguments from a JSON text. Errors: MalformedPayloadError, PayloadValidationError."""
        try:
            if self._struct is not None:
                return msgspec.structs.asdict(self._decode(body))
            if self.mode is PayloadMode.WHOLE and not self._may_be_wrapped(body):
                return {self.parameters[0].name: self._decode(body)}
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, ValueError):
            pass  # the slow path finds out whether the text is malformed or a field is wrong
        return self.from_object(parse_json(body))

    def from_object(self, data: Any, *, lax: bool = False, query: Iterable[tuple[str, Any]] = ()) -> dict[str, Any]:
        """Return the arguments from a parsed payload; `query` fills fields that the payload does not have.

        Errors: PayloadValidationError.
        """
        if self.mode is PayloadMode.NONE:
            return {}
        if self.mode is PayloadMode.RAW:
            return {self.parameters[0].name: _to_bytes(data)}
        if self.mode is PayloadMode.WHOLE:
            return self._from_whole(data, lax)
        if not isinstance(data, dict):
            raise PayloadValidationError(
                [FieldError("", f"expected a JSON object with {self.list_expected()}, found {json_type_name(data)}")]
            )
        return self._from_mapping(data, lax, list(query))

    def from_fields(self, pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
        """Return the arguments from the fields of a form or query: text or files. Errors: PayloadValidationError."""
        if self.mode is PayloadMode.FIELDS:
            return self._from_mapping({}, True, list(pairs))
        if not self.parameters:
            return {}
        (parameter,) = self.parameters
        texts = group_values(pairs)
        if self._unwraps and is_wrapped(texts, parameter.name):
            return self._from_whole(as_hinted(texts[parameter.name], parameter.hint), True)
        return self.from_object(as_object(pairs, parameter.hint), lax=True)

    def from_nothing(self) -> dict[str, Any]:
        """Return the arguments of a call that has neither a body nor a query. Errors: PayloadValidationError."""
        if self.mode is PayloadMode.FIELDS:
            return self._from_mapping({}, False, [])
        if self.mode is PayloadMode.NONE:
            return {}
        (parameter,) = self.parameters
        if not parameter.required:
            return {}
        if self.mode is PayloadMode.RAW:
            return {parameter.name: b""}
        if takes_none(parameter.hint):
            return {parameter.name: None}
        return self._from_whole({}, False)

    def list_expected(self) -> str:
        """Return the names of the fields, for a message."""
        return ", ".join(repr(parameter.name) for parameter in self.parameters) or "no fields"

    @property
    def sees_path(self) -> bool:
        """Whether the function receives the path of a request: it takes the event or the request."""
        return bool({"event", "request"} & set(self.reserved.values()))

    def explain_served_only(self) -> str:
        """Return why a job cannot fill the required parameters, or an empty text: it has no event and no upload."""
        if self.event_name:
            return f"{show_value(self.event_name)} takes a CloudEvent, which comes over HTTP only"
        uploads = [repr(parameter.name) for parameter in self.parameters if parameter.upload and parameter.required]
        return f"{', '.join(uploads)} takes an uploaded file, which comes over HTTP only" if uploads else ""

    def _from_whole(self, data: Any, lax: bool) -> dict[str, Any]:
        """Return the whole payload as the only argument.

        Errors: PayloadValidationError, which says what the body should be.
        """
        (parameter,) = self.parameters
        name = parameter.name
        try:
            if self._unwraps and is_wrapped(data, name):
                return {name: parameter.converter.convert(data[name], name, lax)}
            return {name: parameter.converter.convert(data, "", lax)}
        except PayloadValidationError as error:
            expected = expected_body(name, parameter.hint, unwrapped=self._unwraps)
            raise PayloadValidationError(
                [
                    problem if problem.field else FieldError(name, f"{problem.message}; {expected}")
                    for problem in error.problems
                ]
            ) from None

    def _from_mapping(self, data: Mapping[str, Any], lax: bool, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """Return the arguments, field by field: from `data` as it is, else from `pairs`, whose values are text.

        Errors: PayloadValidationError.
        """
        arguments: dict[str, Any] = {}
        problems: list[FieldError] = []
        texts = group_values(pairs)
        for parameter in self.parameters:
            name = parameter.name
            values = drop_empty(texts[name], parameter.hint) if name in texts else []
            try:
                if name in data:
                    arguments[name] = parameter.convert(data[name], lax)
                elif values:
                    arguments[name] = parameter.convert(as_hinted(values, parameter.hint), True)
                elif name in texts and parameter.required and is_many(parameter.hint):
                    arguments[name] = parameter.convert([], True)
                elif name in texts and parameter.required and takes_none(parameter.hint):
                    arguments[name] = None
                elif parameter.required:
                    problems.append(FieldError(name, "missing"))
            except PayloadValidationError as error:
                problems += error.problems
        rest = {key: as_hinted(values, Any) for key, values in texts.items() if key not in self.by_name}
        rest.pop(CHARSET_FIELD, None)
        rest |= {key: value for key, value in data.items() if key not in self.by_name}
        # MessagePack has keys that are not text, and a client must not set `self` of a method
        extras = {key: rest[key] for key in rest if self.takes_rest and isinstance(key, str) and key != self._bound}
        arguments |= extras
        problems += collect_unknown_fields((key for key in rest if key not in extras), self.by_name)
        if problems:
            raise PayloadValidationError(problems)
        return arguments

    def _read(self, function: Callable[..., Any], reserved: frozenset[str]) -> tuple[Parameter, ...]:
        """Sort the parameters of the signature into reserved ones and fields."""
        try:
            signature = signature_of(function)
        except (TypeError, ValueError):
            raise SignatureError(
                f"{show_value(function)} has no signature that can be read",
                hint="wrap it in a function written in Python",
            ) from None
        self._bound = bound_name(function)
        hints = hints_of(function)
        fields: list[Parameter] = []
        for name, parameter in signature.parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                self.takes_rest = True
            if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
                continue
            if parameter.kind is parameter.POSITIONAL_ONLY:
                self._positional[name] = parameter.default
            hint = hints.get(name, Any)
            filled = injection_kind(name, hint, reserved)
            if filled == CLOUDEVENT:
                self._take_event(name, unwrap_optional(hint))
            elif filled:
                self.reserved[name] = filled
            else:
                fields.append(_make_parameter(name, hint, parameter.default, lenient=self._job))
        names = {field.name for field in fields if field.name not in hints}
        if names:
            self.unresolved = {name: text for name, text in unresolved_hints(function).items() if name in names}
        return tuple(fields)

    def _take_event(self, name: str, hint: Any) -> None:
        if self.event_name:
            raise SignatureError(
                f"{show_value(self.event_name)} and {show_value(name)} both take the CloudEvent; a call has one"
            )
        self.event_name, self.event_hint = name, hint

    def _mode(self, fields_only: bool) -> PayloadMode:
        if not self.parameters and not (self.takes_rest and (fields_only or not self.reserved)):
            return PayloadMode.NONE
        if len(self.parameters) != 1 or fields_only or self.takes_rest or self.uploads:
            return PayloadMode.FIELDS
        hint = self.parameters[0].hint
        if unwrap_optional(hint) is bytes:
            return PayloadMode.RAW
        return PayloadMode.WHOLE if hint is Any or not is_scalar(hint) else PayloadMode.FIELDS


def convert_one(parameter: Parameter, value: Any, *, lax: bool = False) -> Any:
    """Return one value, converted to the hint of its parameter. Errors: PayloadValidationError."""
    return parameter.convert(value, lax)


def _make_parameter(name: str, hint: Any, default: Any, *, lenient: bool) -> Parameter:
    hint = Any if hint is object else hint
    upload, required = is_upload(hint), default is _EMPTY
    if default is None and not upload and not takes_none(hint):
        hint = typing.Optional[hint]  # noqa: UP045 (of any hint) `name: str = None` is common, and says so
    try:
        converter = Converter(name, Any if upload else hint)
    except SignatureError:
        if not lenient:
            raise
        converter = UnconvertibleInput(hint)
    return Parameter(name, hint, required, None if required else default, upload, converter)


def _make_struct(parameters: tuple[Parameter, ...]) -> Any:
    """Return a struct with a field for each parameter: msgspec then decodes and validates a JSON object in one step."""
    fields: list[Any] = []
    for parameter in parameters:
        if parameter.required:
            fields.append((parameter.name, parameter.hint))
        else:
            fields.append(
                (parameter.name, parameter.hint, msgspec.field(default_factory=_return_always(parameter.default)))
            )
    return msgspec.defstruct("Arguments", fields, kw_only=True, forbid_unknown_fields=True, gc=False)


def _to_bytes(data: Any) -> bytes:
    """Return the bytes of a payload that has been parsed already, such as the data of a CloudEvent."""
    if isinstance(data, (bytes, bytearray)):
        return bytes(data)
    return data.encode() if isinstance(data, str) else msgspec.json.encode(data)


def _return_always(value: Any) -> Callable[[], Any]:
    return lambda: value
