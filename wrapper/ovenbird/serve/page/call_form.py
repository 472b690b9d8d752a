"""Choose the form that calls a function: its arguments, its payload, or a raw request."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass
from typing import Any

from ...function.argument_schema import make_argument_schema
from ...function.binder import Binder, PayloadMode
from ...function.examples import EXAMPLE_EVENT
from ...function.handler import Handler
from ...page.field import Field, FieldKind
from ...page.schema_fields import make_field, make_fields
from ...page.schema_values import resolve_reference

_METHODS = ("POST", "GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_WITH_BODY = ("POST", "PUT", "PATCH")
_MEDIA = ("application/json", "text/plain", "application/octet-stream", "application/x-www-form-urlencoded")
# names of fields that no parameter can have
METHOD, PATH, MEDIA, BODY, FILE = ":method", ":path", ":media", ":body", ":file"


class Layout(enum.Enum):
    """What the fields of a form become."""

    ARGUMENTS = "arguments"  # the members of a JSON object
    MULTIPART = "multipart"  # the parts of a multipart form
    QUERY = "query"  # where the service takes no method with a body
    PAYLOAD = "payload"  # the members of the one parameter, which is an object
    VALUE = "value"  # the one parameter
    RAW = "raw"  # method, path, media type and body


@dataclass(frozen=True)
class CallForm:
    """The form of one function. `method` sends it, except a raw request, which has a field for that."""

    layout: Layout
    fields: tuple[Field, ...]
    method: str = "POST"
    streams: bool = False


def choose_form(handler: Handler, methods: tuple[str, ...]) -> CallForm:
    """Return the form for a handler. `methods`: those that the service takes, empty for all."""
    binder = handler.binder
    streams = "generator" in handler.shape.value
    if binder is None:
        return CallForm(Layout.RAW, _make_raw_fields(methods, "GET", _MEDIA[0], ""), streams=streams)
    if binder.event_name:
        event = {**EXAMPLE_EVENT, "data": {}}
        fields = _make_raw_fields(methods, "POST", "application/cloudevents+json", json.dumps(event, indent=2))
        return CallForm(Layout.RAW, fields, streams=streams)
    if binder.mode is PayloadMode.RAW or (binder.mode is PayloadMode.NONE and binder.sees_path):
        media = _MEDIA[2] if binder.mode is PayloadMode.RAW else _MEDIA[0]
        return CallForm(Layout.RAW, _make_raw_fields(methods, "POST", media, ""), streams=streams)
    method = next((name for name in _WITH_BODY if name in methods or not methods), "")
    layout, fields = _choose_layout(binder, make_argument_schema(handler))
    if not method:
        return CallForm(Layout.QUERY, fields, "GET" if "GET" in methods else methods[0], streams)
    return CallForm(layout, fields, method, streams)


def _choose_layout(binder: Binder, schema: dict[str, Any]) -> tuple[Layout, tuple[Field, ...]]:
    """Return the fields of a handler with a contract, and what they become."""
    if binder.mode is not PayloadMode.WHOLE:
        return Layout.MULTIPART if binder.uploads else Layout.ARGUMENTS, make_fields(schema)
    (parameter,) = binder.parameters
    whole = resolve_reference(schema["properties"][parameter.name], schema)
    if whole.get("properties"):
        return Layout.PAYLOAD, make_fields(whole, root=schema)
    return Layout.VALUE, (make_field(parameter.name, whole, schema, required=parameter.required),)


def _make_raw_fields(methods: tuple[str, ...], method: str, media: str, body: str) -> tuple[Field, ...]:
    """Return the fields of a raw request."""
    choices = tuple(methods) or _METHODS
    method = method if method in choices else choices[0]
    text = {"type": "string"}
    return (
        Field(METHOD, FieldKind.CHOICE, "method", default=method, choices=choices),
        Field(PATH, FieldKind.TEXT, "path", "With its query: /items?limit=3", default="/", schema=text),
        Field(MEDIA, FieldKind.TEXT, "media type", "Of the body.", default=media, suggestions=_MEDIA, schema=text),
        Field(BODY, FieldKind.TEXT, "body", "", False, default=body, schema=text, multiline=True),
        Field(FILE, FieldKind.FILE, "file", "Sent as the body, in place of the text above.", required=False),
    )
