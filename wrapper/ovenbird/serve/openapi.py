"""The OpenAPI 3.1 document of a handler, from the same binding that its calls go through."""

from __future__ import annotations

import inspect
import typing
from typing import Any

import msgspec

from ..function.bind import Binder, Mode, Parameter
from ..function.handler import Handler
from ..function.hints import Converter, hints_of

_REF = "#/components/schemas/{name}"
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
    },
}


def document(handler: Handler) -> dict[str, Any]:
    """The OpenAPI document of one handler, as builtin values ready for JSON."""
    loaded = handler.loaded
    text = inspect.getdoc(loaded.found) or ""
    operation: dict[str, Any] = {"operationId": handler.name, "summary": text.partition("\n")[0], "description": text}
    schemas: dict[str, Any] = {"Problem": _PROBLEM}
    binder = handler.binder
    if binder is not None and binder.mode is not Mode.NONE:
        operation["requestBody"] = _body(binder, schemas)
    operation["responses"] = _responses(handler, schemas, typed=binder is not None and bool(binder.parameters))
    paths = {"/": {"post": {key: value for key, value in operation.items() if value}}}
    if binder is not None and binder.mode is Mode.FIELDS and not binder.uploads:
        query = {key: value for key, value in operation.items() if value and key != "requestBody"}
        paths["/"]["get"] = {**query, "operationId": f"{handler.name}_get", "parameters": _query(binder, schemas)}
    info = {"title": handler.name, "version": "1", "description": "Any path and any method outside /_/ reach the function."}
    return {"openapi": "3.1.0", "info": info, "paths": paths, "components": {"schemas": schemas}}


def _body(binder: Binder, schemas: dict[str, Any]) -> dict[str, Any]:
    if binder.mode is Mode.RAW:
        return {"required": True, "content": {"application/octet-stream": {"schema": {}}}}
    if binder.mode is Mode.WHOLE:
        (parameter,) = binder.parameters
        return {"required": parameter.required, "content": {"application/json": {"schema": _schema(parameter, schemas)}}}
    found = {
        "type": "object",
        "properties": {parameter.name: _schema(parameter, schemas) for parameter in binder.parameters},
        "required": [parameter.name for parameter in binder.parameters if parameter.required],
        "additionalProperties": binder.rest,
    }
    media = ["multipart/form-data"] if binder.uploads else ["application/json", "application/x-www-form-urlencoded"]
    return {"required": bool(found["required"]), "content": {name: {"schema": found} for name in media}}


def _query(binder: Binder, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": parameter.name, "in": "query", "required": parameter.required, "schema": _schema(parameter, schemas)}
        for parameter in binder.parameters
    ]


def _schema(parameter: Parameter, schemas: dict[str, Any]) -> dict[str, Any]:
    """The schema of one parameter; what it refers to is added to `schemas`."""
    if parameter.upload:
        file = {"type": "string", "contentMediaType": "application/octet-stream"}
        return {"type": "array", "items": file} if typing.get_origin(parameter.hint) is list else file
    found, named = parameter.converter.schema(_REF)
    schemas.update(named)
    if not parameter.required:
        try:
            found = {**found, "default": msgspec.to_builtins(parameter.default)}
        except (TypeError, ValueError):
            pass  # a default that JSON cannot hold is left out
    return found


def _responses(handler: Handler, schemas: dict[str, Any], *, typed: bool) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": "What the function returned."}
    hint = hints_of(inspect.unwrap(handler.call)).get("return") if handler.binder else None
    if hint is not None and hint is not type(None):
        try:
            found, named = Converter("return", hint).schema(_REF)
            schemas.update(named)
            answer["content"] = {"application/json": {"schema": found}}
        except Exception:
            hint = None  # a return hint that has no schema tells nothing; it is not the handler's contract
    refused = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    responses = {"200": answer, "500": {"description": "The function failed.", **refused}}
    if typed:
        responses["400"] = {"description": "The body cannot be parsed.", **refused}
        responses["422"] = {"description": "Fields do not fit; each is named.", **refused}
    return dict(sorted(responses.items()))
