"""The OpenAPI 3.1 document of a handler, from the binder that its calls use."""

from __future__ import annotations

import inspect
import math
from pathlib import PurePath
from typing import Any, get_args

from ...function.argument_schema import parameter_schema
from ...function.binder import Binder, PayloadMode
from ...function.cloudevent import REQUIRED
from ...function.convert import Converter
from ...function.handler import Handler
from ...function.schema_edits import add_formats, drop_secret_defaults
from ...function.type_hints import hints_of, is_class, is_many, is_scalar, takes_none, unwrap_optional
from ..response.json_encode import class_names
from ..response.negotiation import ARROW, CSV, PARQUET

_REF = "#/components/schemas/{name}"
_PROBLEM_NAME = "ProblemDocument"  # user code may well have a class Problem
# the same rules as in `cloudevent.check_attributes`
_TEXT = {"type": "string", "pattern": r"^[^\u0000-\u001f\u007f-\u009f\ufdd0-\ufdef\ufffe\uffff]+$"}
_URI = {"type": "string", "pattern": r"^[^\u0000-\u0020\u007f-\u009f\ufdd0-\ufdef\ufffe\uffff]+$"}
_EVENT = {
    "type": "object",
    "description": "A CloudEvent in structured mode; binary and batched mode are understood too.",
    "properties": {
        **dict.fromkeys(("id", "type"), _TEXT),
        "source": _URI,
        "specversion": {"type": "string", "pattern": r"^1\.[0-9]+$"},
        **{name: {**_TEXT, "type": ["string", "null"]} for name in ("subject", "datacontenttype")},
        "dataschema": {"type": ["string", "null"], "format": "uri", "pattern": "^[A-Za-z][A-Za-z0-9+.-]*:"},
        "time": {"type": ["string", "null"], "format": "date-time"},
        "data": {},
        "data_base64": {
            "type": ["string", "null"],
            "contentEncoding": "base64",
            "pattern": "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
        },
    },
    "not": {
        "required": ["data", "data_base64"],
        "properties": {"data": {"not": {"type": "null"}}, "data_base64": {"type": "string"}},
    },
    "required": list(REQUIRED),
    "propertyNames": {"pattern": "^([a-z0-9]+|data_base64)$"},
    "additionalProperties": {
        "anyOf": [
            {**_TEXT, "pattern": _TEXT["pattern"].replace("+$", "*$")},
            {"type": ["boolean", "null"]},
            {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
        ]
    },
}
_INSTANCES = ("default", "example", "const")  # keys of a schema whose values are not schemas
_MAPS = ("properties", "patternProperties", "schemas", "$defs")
_MEDIA = {str: "text/plain", bytes: "application/octet-stream"}
_STATUSES = {
    "413": "The body is larger, or holds more, than the limits allow.",
    "415": "The media type, charset or content encoding is not supported.",
    "500": "The function failed.",
    "503": "Starting, shutting down, or too many calls are waiting.",
    "504": "The call ran over its time limit.",
}
_PROBLEM = {
    "type": "object",
    "description": "A problem document (RFC 9457).",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {"type": "object", "properties": {"field": {"type": "string"}, "message": {"type": "string"}}},
        },
        "error_id": {"type": "string"},
        "may_have_run": {"type": "boolean"},
    },
}


def make_document(handler: Handler) -> dict[str, Any]:
    """Return the OpenAPI document of a handler, as built-in values for JSON."""
    loaded = handler.loaded
    text = inspect.getdoc(loaded.function) or ""
    operation: dict[str, Any] = {"operationId": handler.name, "summary": text.partition("\n")[0], "description": text}
    schemas: dict[str, Any] = {_PROBLEM_NAME: _PROBLEM}
    binder = handler.binder
    if binder is not None and (binder.event_name or binder.mode is not PayloadMode.NONE):
        operation["requestBody"] = _describe_body(binder, schemas)
    operation["responses"] = _describe_responses(handler, schemas, typed=binder is not None and bool(binder.parameters))
    paths = {"/": {"post": {key: value for key, value in operation.items() if value}}}
    if binder is not None and _fits_query(binder):
        query = {key: value for key, value in operation.items() if value and key != "requestBody"}
        paths["/"]["get"] = {
            **query,
            "operationId": f"{handler.name}_get",
            "parameters": _describe_query(binder, schemas),
        }
    info = {
        "title": handler.name,
        "version": "1",
        "description": "Any path and any method outside /_/ reach the function.",
    }
    description = {"openapi": "3.1.0", "info": info, "paths": paths, "components": {"schemas": schemas}}
    drop_secret_defaults(description)
    return clean_document(description)  # type: ignore[no-any-return]


def _fits_query(binder: Binder) -> bool:
    """Return whether a query can hold all fields: each is a scalar or a list."""
    hints = [parameter.hint for parameter in binder.parameters]
    plain = all(hint is Any or is_scalar(hint) or is_many(hint) for hint in hints)
    return binder.mode is PayloadMode.FIELDS and plain and not binder.uploads and not binder.event_name


def _describe_body(binder: Binder, schemas: dict[str, Any]) -> dict[str, Any]:
    if binder.event_name:
        return {"required": True, "content": {"application/cloudevents+json": {"schema": _EVENT}}}
    if binder.mode is PayloadMode.RAW:
        return {"required": True, "content": {"application/octet-stream": {"schema": {}}}}
    if binder.mode is PayloadMode.WHOLE:
        (parameter,) = binder.parameters
        return {
            "required": parameter.required and not takes_none(parameter.hint),  # without a body the value is None
            "x-argument": parameter.name,
            "content": {"application/json": {"schema": parameter_schema(parameter, schemas, _REF)}},
        }
    schema = {
        "type": "object",
        "properties": {parameter.name: parameter_schema(parameter, schemas, _REF) for parameter in binder.parameters},
        "required": [parameter.name for parameter in binder.parameters if parameter.required],
        "additionalProperties": binder.takes_rest,
    }
    media = ["multipart/form-data"] if binder.uploads else ["application/json", "application/x-www-form-urlencoded"]
    content: dict[str, Any] = {name: {"schema": schema} for name in media}
    # a field of a form that is neither a scalar nor a list of scalars is read as JSON
    nested = [
        parameter.name for parameter in binder.parameters if not parameter.upload and not _is_flat(parameter.hint)
    ]
    if nested:
        content[media[-1]]["encoding"] = {name: {"contentType": "application/json"} for name in nested}
    return {"required": bool(schema["required"]), "content": content}


def _is_flat(hint: Any) -> bool:
    """Return whether a form holds the value as one field, or as several fields with the same name."""
    if hint is Any or is_scalar(hint):
        return True
    items = get_args(unwrap_optional(hint)) if is_many(hint) else ()
    return is_many(hint) and (not items or items[0] is Any or is_scalar(items[0]))


def _describe_query(binder: Binder, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": parameter.name,
            "in": "query",
            "required": parameter.required,
            "schema": parameter_schema(parameter, schemas, _REF),
        }
        for parameter in binder.parameters
    ]


def _describe_responses(handler: Handler, schemas: dict[str, Any], *, typed: bool) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": "What the function returned."}
    hint = hints_of(handler.call).get("return") if handler.binder else None
    status = "204" if hint is type(None) else "200"
    if hint is not None and status == "200":
        content = _describe_content(hint, schemas)
        if content:
            answer["content"] = content
    refused = {"content": {"application/problem+json": {"schema": {"$ref": _REF.format(name=_PROBLEM_NAME)}}}}
    responses = {
        status: answer,
        **{code: {"description": _STATUSES[code], **refused} for code in ("500", "503", "504")},
    }
    if handler.binder is not None and handler.binder.mode is not PayloadMode.NONE:
        responses |= {code: {"description": _STATUSES[code], **refused} for code in ("413", "415")}
    if typed or (handler.binder is not None and handler.binder.event_name):
        responses["400"] = {"description": "The body cannot be parsed.", **refused}
    if typed:
        responses["422"] = {"description": "Fields do not fit; each is named.", **refused}
    return dict(sorted(responses.items()))


def _describe_content(hint: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """Return the content of the answer by the hint of the result; `{}` if the hint does not describe the body."""
    bare = unwrap_optional(hint)
    for kind, media in _MEDIA.items():
        if is_class(bare) and issubclass(bare, kind):
            return {media: {"schema": {"type": "string"} if kind is str else {}}}
    if getattr(bare, "__origin__", bare) is tuple or (is_class(bare) and issubclass(bare, PurePath)):
        return {}  # (body, status) and the like; a file, whose media type depends on its name
    names = class_names(bare) if is_class(bare) else set()
    if names & {"pandas.DataFrame", "polars.DataFrame"}:
        rows = {"type": "array", "items": {"type": "object"}}
        return {"application/json": {"schema": rows}, **{media: {"schema": {}} for media in (CSV, PARQUET, ARROW)}}
    if names & {"pandas.Series", "polars.Series", "numpy.ndarray"}:
        return {"application/json": {"schema": {} if "numpy.ndarray" in names else {"type": "array"}}}
    try:
        schema, named = _sent_schema(Converter("return", hint), schemas)
    except Exception:  # a generator or a Response has no schema
        return {}
    add_formats(schema, hint, named)
    schemas.update(named)
    return {"application/json": {"schema": schema}}


def _sent_schema(converter: Converter, schemas: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the schema of an answer, and the schemas it refers to, with other names if those for input differ."""
    schema, named = converter.sent_schema(_REF)
    if all(schemas.get(name, part) == part for name, part in named.items()):
        return schema, named
    schema, named = converter.sent_schema(_REF.format(name="{name}-Output"))
    return schema, {f"{name}-Output": part for name, part in named.items()}


def clean_document(node: Any, *, named: bool = False) -> Any:
    """Return a document that JSON can hold: without defaults, examples or limits that are `inf` or `nan`.

    `named`: the keys are names from the user, not keywords of JSON Schema.
    """
    if isinstance(node, dict):
        return {
            _valid_text(str(key)): clean_document(value, named=not named and key in _MAPS)
            for key, value in node.items()
            if named or _is_finite(key, value)
        }
    if isinstance(node, (list, tuple)):
        return [clean_document(value) for value in node]
    return _valid_text(node) if isinstance(node, str) else node


def _is_finite(key: Any, value: Any) -> bool:
    """Return whether a number, or an instance of a schema, can be written as JSON."""
    if isinstance(value, float):
        return math.isfinite(value)
    if key in _INSTANCES and isinstance(value, dict):
        return all(_is_finite(key, part) for part in value.values())
    if isinstance(value, (list, tuple)):
        return all(_is_finite(key, part) for part in value)
    return True


def _valid_text(text: str) -> str:
    """Return text with lone surrogates escaped, which UTF-8 cannot encode."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
