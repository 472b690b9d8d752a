"""The arguments of a call become the body of a request, by the contract. What does not fit is refused here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..common.did_you_mean import suggest_names
from ..common.text import show_value
from ..serve.response.json_encode import ResultError, encode
from .body import Upload, is_file_like, make_body, make_file_part, make_form
from .contract import Contract, Field, PayloadForm
from .errors import ArgumentsMismatchError
from .unsendable_values import check_json

_NOTHING: Any = object()
_POST = "`post(json=…)` and `post(body=…)` send anything"


class Payload(NamedTuple):
    """A body and its media type; empty for a call without a body."""

    body: bytes | Upload = b""
    media_type: str = ""


NO_PAYLOAD = Payload()


def bind_arguments(contract: Contract, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Payload:
    """Return the payload of `call(*args, **kwargs)`. Errors: ArgumentsMismatchError says what does not fit."""
    if len(args) > 1:
        raise ArgumentsMismatchError(
            f"{contract} takes its arguments by name; found {len(args)} without one", hint=_hint_names(contract)
        )
    if args and kwargs:
        raise ArgumentsMismatchError(
            f"{contract} takes one value, or arguments by name; found both", hint=_hint_names(contract)
        )
    value = args[0] if args else _NOTHING
    if contract.form is PayloadForm.UNKNOWN:
        if args or kwargs:
            raise ArgumentsMismatchError(f"the contract of {show_value(contract.name)} has no arguments", hint=_POST)
        return Payload()
    if contract.form is PayloadForm.RAW:
        return _bind_raw(contract, value, kwargs)
    if contract.form is PayloadForm.EVENT:
        return _bind_event(contract, value, kwargs)
    if contract.form is PayloadForm.WHOLE:
        return _bind_whole(contract, value, kwargs)
    fields = _name_value(contract, value) if args else dict(kwargs)
    check_names(contract, fields)
    if contract.form is PayloadForm.MULTIPART:
        return _make_form(contract, fields)
    return encode_json(fields)


def check_names(contract: Contract, names: Mapping[str, Any]) -> None:
    """Raise ArgumentsMismatchError for names that the contract does not have, and for missing ones that it requires."""
    unknown = [name for name in names if name not in contract.fields]
    if unknown and not contract.takes_rest:
        hint = suggest_names(unknown[0], contract.fields) or "it takes no argument"
        listed = ", ".join(map(show_value, unknown))
        raise ArgumentsMismatchError(f"{contract} takes no argument {listed}", hint=hint)
    missing = [name for name, field in contract.fields.items() if field.is_required and name not in names]
    if missing:
        raise ArgumentsMismatchError(f"{contract} lacks {', '.join(map(show_value, missing))}")


def encode_json(value: Any, where: str = "") -> Payload:
    """Return a value as JSON, by the rules for results of functions. `where` names it in an error.

    Errors: ArgumentsMismatchError names the type that has no rule, or the value that JSON cannot hold: an argument that
    is NaN would arrive as null.
    """
    try:
        body = encode(value)
        if b"null" in body or b"\\ud" in body:
            check_json(value, where)
        return Payload(body, "application/json")
    except ResultError as error:
        check_json(value, where)
        reason = str(error).replace("a part of the result", "a part of the arguments").replace("the result", "it")
        raise ArgumentsMismatchError(reason) from None


def _hint_names(contract: Contract) -> str:
    names = list(contract.fields)
    return f"`call({', '.join(f'{name}=…' for name in names[:4])})`" if names else ""


def _name_value(contract: Contract, value: Any) -> dict[str, Any]:
    """Return the fields for one value without a name: that of the only field, or an object that holds all."""
    names = list(contract.fields)
    if len(names) == 1 and not (isinstance(value, Mapping) and list(value) == names):
        return {names[0]: value}
    fields = _read_object(value)
    if fields is None:
        raise ArgumentsMismatchError(
            f"{contract} takes its arguments by name; found {type(value).__name__} without one",
            hint=_hint_names(contract),
        )
    return fields


def _read_object(value: Any) -> dict[str, Any] | None:
    """Return the fields of a mapping, a dataclass, a struct or a model; None for anything else."""
    if isinstance(value, Mapping):
        return {str(name): part for name, part in value.items()}
    names = getattr(value, "__dataclass_fields__", None) or getattr(value, "__struct_fields__", None)
    names = names or getattr(type(value), "model_fields", None)
    if not names:
        return None
    import msgspec

    fields = msgspec.json.decode(encode_json(value).body)  # type: ignore[arg-type]
    return fields if isinstance(fields, dict) else None


def _bind_raw(contract: Contract, value: Any, kwargs: Mapping[str, Any]) -> Payload:
    if kwargs or value is _NOTHING:
        raise ArgumentsMismatchError(
            f"{show_value(contract.name)} takes bytes", hint="`call(b'…')`, a `pathlib.Path` or an open file"
        )
    return Payload(make_body(value), "application/octet-stream")


def _bind_event(contract: Contract, value: Any, kwargs: Mapping[str, Any]) -> Payload:
    """Return a CloudEvent in structured mode."""
    if value is _NOTHING:
        value = dict(kwargs)
    event = _read_event(value) or (value if isinstance(value, Mapping) else None)
    if event is None:
        raise ArgumentsMismatchError(
            f"{show_value(contract.name)} takes a CloudEvent, found {type(value).__name__}",
            hint="`call(id=…, source=…, type=…, data=…)`, a mapping, or a `CloudEvent`",
        )
    event = {"specversion": "1.0", **event}
    if isinstance(data := event.get("data"), (bytes, bytearray)):
        import base64

        event["data_base64"] = base64.b64encode(data).decode()
    if data is None or "data_base64" in event:
        event.pop("data", None)
    missing = [name for name in ("id", "source", "type") if not event.get(name)]
    if missing:
        raise ArgumentsMismatchError(f"the CloudEvent lacks {', '.join(map(show_value, missing))}")
    return Payload(encode_json(event).body, "application/cloudevents+json")


def _read_event(value: Any) -> dict[str, Any] | None:
    """Return the attributes and the data of a `CloudEvent` of Ovenbird's or of the package `cloudevents`."""
    attributes = getattr(value, "attributes", None) or getattr(value, "_attributes", None)
    if not isinstance(attributes, Mapping):
        return None
    return {**attributes, "data": getattr(value, "data", None)}


def _bind_whole(contract: Contract, value: Any, kwargs: Mapping[str, Any]) -> Payload:
    """Return one JSON value: the only argument, also by its name, or an object of those that have names."""
    if value is not _NOTHING:
        return encode_json(value)
    if not kwargs and not contract.fields:
        return Payload()
    if list(kwargs) == [contract.argument] and contract.argument not in contract.fields:
        return encode_json(kwargs[contract.argument])
    check_names(contract, kwargs)
    return encode_json(dict(kwargs))


def _make_form(contract: Contract, values: Mapping[str, Any]) -> Payload:
    fields: list[tuple[str, Any]] = []
    for name, value in values.items():
        field = contract.fields.get(name) or Field(name, {}, is_required=False)
        if value is None and not field.is_required:
            continue  # a form has no null
        several = value if isinstance(value, list) and (field.takes_several or not field.schema) else [value]
        fields += [(name, _make_field(field, part)) for part in (several if not field.is_json else [value])]
    media_type, body = make_form(fields)
    return Payload(body, media_type)


def _make_field(field: Field, value: Any) -> Any:
    if field.is_file or (not field.schema and (is_file_like(value) or isinstance(value, tuple))):
        return make_file_part(value, field.name)
    if is_file_like(value):
        raise ArgumentsMismatchError(f"`{field.name}` is no file, found {type(value).__name__}")
    if isinstance(value, str) and not field.is_json:
        return value
    text = encode_json(value, field.name).body.decode()  # type: ignore[union-attr]
    if field.is_json:
        return text, "application/json"
    if text.startswith('"'):  # a date, a UUID and the like are text in a form
        import json

        return json.loads(text)
    return text
