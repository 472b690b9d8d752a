"""The JSON Schema of a handler's arguments, as its calls convert them."""

from __future__ import annotations

import contextlib
import inspect
from typing import Any

import msgspec

from .binder import Parameter
from .convert import UnconvertibleInput
from .docstring import split_docstring
from .handler import Handler
from .schema_edits import add_formats, drop_secret_defaults
from .type_hints import is_list

_REF = "#/$defs/{name}"


def make_argument_schema(handler: Handler) -> dict[str, Any]:
    """Return the schema (2020-12) of an object with the arguments of a handler, as built-in values.

    Each property has the `description` that the docstring gives, if it has none of its own. What properties refer to
    is in `$defs`. Without a contract (an application), and for a raw body, there are no properties.
    Defaults of secrets are left out.
    """
    binder = handler.binder
    named: dict[str, Any] = {}
    properties = {parameter.name: _try_schema(parameter, named) for parameter in binder.parameters} if binder else {}
    for name, text in split_docstring(inspect.getdoc(handler.loaded.function) or "")[1].items():
        if name in properties:
            properties[name] = {"description": text, **properties[name]}
    schema = {
        "type": "object",
        "properties": properties,
        "required": [parameter.name for parameter in binder.parameters if parameter.required] if binder else [],
        "additionalProperties": binder.takes_rest if binder else True,
        "$defs": named,
    }
    drop_secret_defaults(schema)
    return schema


def _try_schema(parameter: Parameter, named: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter; that of anything where a class of the user has none."""
    try:
        return parameter_schema(parameter, named, _REF)
    except Exception:  # pydantic refuses a field that is a function, and hooks of the user may raise anything
        return {}


def parameter_schema(parameter: Parameter, named: dict[str, Any], ref_template: str) -> dict[str, Any]:
    """Return the schema of a parameter, and add the schemas that it refers to to `named`."""
    if parameter.upload:
        file = {"type": "string", "contentMediaType": "application/octet-stream"}
        return {"type": "array", "items": file} if is_list(parameter.hint) else file
    if isinstance(parameter.converter, UnconvertibleInput):
        return {}  # only an input of a job fills it
    schema, new = parameter.converter.schema(ref_template)
    add_formats(schema, parameter.hint, new)
    named.update(new)
    if not parameter.required:
        # a default that JSON cannot hold, or that does not fit its hint, is left out
        with contextlib.suppress(Exception):  # classes of the user may raise anything
            value = parameter.converter.convert(msgspec.to_builtins(parameter.default), "")
            schema = {**schema, "default": msgspec.to_builtins(value)}
    return schema
