"""Answers of Core's that are no 2xx, word for word."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

SLASH = (  # what its web server says of an address that holds an encoded slash
    '<!doctype html><html lang="en"><head><title>HTTP Status 400 \u2013 Bad Request</title><style type="text/css">'
    "body {font-family:Tahoma,Arial,sans-serif;} h1, h2, h3, b {color:white;background-color:#525D76;} "
    "h1 {font-size:22px;} h2 {font-size:16px;} h3 {font-size:14px;} p {font-size:12px;} a {color:black;} "
    ".line {height:1px;background-color:#525D76;border:none;}</style></head><body>"
    "<h1>HTTP Status 400 \u2013 Bad Request</h1></body></html>"
)
_COMMONS = "it.smartcommunitylabdhub.commons"
_DUPLICATED = f"{_COMMONS}.exceptions.DuplicatedEntityException"
_ILLEGAL, _SYSTEM = "java.lang.IllegalArgumentException", f"{_COMMONS}.exceptions.SystemException"
_BIND = "org.springframework.validation.BindException"
_CONTROLLERS = "it.smartcommunitylabdhub.core.controllers.v1"
_ERRORS = {400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 500: "Internal Server Error"}  # fmt: skip  # noqa: E501


class Refused(Exception):
    """An answer that is no 2xx: status, text and headers."""

    def __init__(self, status: int, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.status, self.text, self.headers = status, text, dict(headers or {})


def refused(message: str, status: int = 400) -> Refused:
    """Return the refusal of Core's own checks."""
    return Refused(status, json.dumps({"status": status, "message": message, "errorCode": None}))


def missing(entity_type: str) -> Refused:
    """Return the refusal of a missing entity."""
    return refused(f"No such {entity_type}.", 404)


def unmapped(status: int, path: str) -> Refused:
    """Return the refusal of Core's framework."""
    moment = "2026-11-28T10:00:00.000+00:00"
    return Refused(status, json.dumps({"timestamp": moment, "status": status, "error": _ERRORS[status], "path": path}))


def forbidden(path: str) -> Refused:
    """Return the refusal of an unknown caller, or of a missing right."""
    return unmapped(403, path)


def invalid_name(entity_type: str, name: str, pattern: str) -> Refused:
    """Return the refusal of a name that breaks the pattern of its type."""
    field, where = _argument(entity_type)
    bean = "Ljakarta.validation.constraints.Pattern$Flag;@33343bef"
    return refused(
        f"{where}[Field error in object '{field}' on field 'name': rejected value [{name}]; codes "
        f"[Pattern.{field}.name,Pattern.name,Pattern.java.lang.String,Pattern]; arguments "
        f"[org.springframework.context.support.DefaultMessageSourceResolvable: codes [{field}.name,name]; "
        f"arguments []; default message [name],[{bean},{pattern}]; "
        f'default message [must match "{pattern}"]] '
    )


def missing_project(entity_type: str) -> Refused:
    """Return the refusal of a body without a project."""
    field, where = _argument(entity_type)
    return refused(where + _empty(field, "project", "NotNull", "must not be null"))


def missing_field(field: str) -> Refused:
    """Return the refusal of a spec without a required field."""
    method = "it.smartcommunitylabdhub.core.components.infrastructure.specs.SpecValidatorImpl.validateSpec"
    where = (
        f"Validation failed for argument [0] in public void {method}({_COMMONS}.models.specs.Spec) throws {_ILLEGAL}: "
    )
    return refused(where + _empty("target", field, "NotBlank", "must not be blank"))


def unknown_python(version: str) -> Refused:
    """Return the refusal of an unknown Python version."""
    package = "it.smartcommunitylabdhub.runtime.python"
    return refused(
        f'Cannot deserialize value of type `{package}.model.PythonVersion` from String "{version}": not one of the '
        "values accepted for Enum class: [PYTHON3_11, PYTHON3_12, PYTHON3_13, PYTHON3_10]\n at [Source: UNKNOWN; byte "
        f'offset: #UNKNOWN] (through reference chain: {package}.specs.PythonFunctionSpec["python_version"])'
    )


def _empty(target: str, field: str, rule: str, message: str) -> str:
    return (
        f"[Field error in object '{target}' on field '{field}': rejected value [null]; codes "
        f"[{rule}.{target}.{field},{rule}.{field},{rule}.java.lang.String,{rule}]; arguments "
        f"[org.springframework.context.support.DefaultMessageSourceResolvable: codes [{target}.{field},{field}]; "
        f"arguments []; default message [{field}]]; default message [{message}]] "
    )


def _argument(entity_type: str) -> tuple[str, str]:
    """Return the object's name in a message, and the message's beginning."""
    plain: dict[str, Any] = {"dataitem": "DataItem"}
    name = plain.get(entity_type, entity_type.capitalize())
    field = name[0].lower() + name[1:]
    model = (
        f"it.smartcommunitylabdhub.dataitems.{name}"
        if entity_type == "dataitem"
        else f"{_COMMONS}.models.{entity_type}.{name}"
    )
    errors = ",".join((_DUPLICATED, *(() if entity_type == "function" else (_ILLEGAL,)), _SYSTEM, _BIND))
    if entity_type == "project":
        method, number, parameters = f"base.{name}Controller.create{name}", 0, model
    else:
        method, number = f"context.{name}ContextController.create{name}", 1
        parameters = f"java.lang.String,{model}"
    where = f"public {model} {_CONTROLLERS}.{method}({parameters})"
    return field, f"Validation failed for argument [{number}] in {where} throws {errors}: "
