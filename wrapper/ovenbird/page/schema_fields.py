"""Make the fields of a form from the JSON Schema of a function's arguments."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from ..common.redact import is_secret_name
from .field import NO_DEFAULT, REST, Field, FieldKind
from .schema_values import resolve_reference

_LONG = 200  # characters; a text that may be longer has several lines, if its name says that it is one of several
_LONG_NAMES = (
    "text", "prompt", "message", "content", "body", "query", "sql", "code", "description", "document", "note", "notes",
    "comment", "template", "question",
)  # fmt: skip
_SCALARS = {"integer": FieldKind.INTEGER, "number": FieldKind.NUMBER, "boolean": FieldKind.SWITCH}
_FORMATS = {"date": FieldKind.DATE, "date-time": FieldKind.DATE_TIME, "time": FieldKind.TIME}
_OF_LISTS = (FieldKind.INTEGER, FieldKind.NUMBER, FieldKind.TEXT, FieldKind.DATE, FieldKind.DATE_TIME, FieldKind.TIME)


def make_fields(
    schema: dict[str, Any],
    *,
    root: dict[str, Any] | None = None,
    inputs: Collection[str] = (),
    suggestions: Mapping[str, tuple[str, ...]] = {},
) -> tuple[Field, ...]:
    """Return a field for each property of the schema of an object, in order, and one for further arguments.

    `schema` is such as `function.argument_schema.make_argument_schema` returns. `root`: the document in which its
    references are looked up, such as an OpenAPI document; by default the schema itself. `inputs`: names of arguments
    that a job takes as inputs. `suggestions`: texts that are offered for a field.
    """
    root = schema if root is None else root
    bare = resolve_reference(schema, root)
    required = set(bare.get("required", ()))
    fields = [
        _make_input(name, part, root, required=name in required)
        if name in inputs
        else make_field(name, part, root, required=name in required)
        for name, part in bare.get("properties", {}).items()
    ]
    rest = bare.get("additionalProperties", False)
    if rest is not False:
        fields.append(_make_rest(rest, root))
    return tuple(replace(field, suggestions=tuple(suggestions.get(field.name, ()))) for field in fields)


def make_field(name: str, schema: dict[str, Any], root: dict[str, Any], *, required: bool) -> Field:
    """Return the field for one property. What no simple field holds is typed as JSON."""
    described = resolve_reference(schema, root)
    bare, nullable = _remove_null(described, root)
    is_hidden = is_secret_name(name) and not required  # an empty field stands for the function's own default
    default = NO_DEFAULT if is_hidden else _as_json(described.get("default", NO_DEFAULT))
    field = Field(
        name=name,
        kind=FieldKind.JSON,
        label=name,
        help=str(described.get("description") or bare.get("description") or ""),
        required=required and default is NO_DEFAULT and not nullable,
        nullable=nullable and not is_hidden,
        default=default,
        schema={key: value for key, value in bare.items() if key not in ("default", "description", "title")},
        root=root,
    )
    return _choose_kind(field, bare)


def _as_json(value: Any) -> Any:
    """Return a default as JSON would give it back: a tuple is a list. NO_DEFAULT for one that JSON does not hold."""
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        return NO_DEFAULT


def _remove_null(schema: dict[str, Any], root: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Return a schema without `null`, and whether it took it. A schema that takes anything comes back as it is."""
    members = schema.get("anyOf", schema.get("oneOf"))
    if isinstance(members, list):
        parts = [resolve_reference(member, root) for member in members]
        rest = [part for part in parts if part.get("type") != "null" and part.get("enum") != [None]]
        if len(rest) == 1:
            bare, inner = _remove_null(rest[0], root)
            return bare, inner or len(rest) < len(parts)
        return {"anyOf": rest}, len(rest) < len(parts)
    kinds = schema.get("type")
    if isinstance(kinds, list) and "null" in kinds:
        rest_kinds = [kind for kind in kinds if kind != "null"]
        return {**schema, "type": rest_kinds[0] if len(rest_kinds) == 1 else rest_kinds}, True
    values = schema.get("enum")
    if isinstance(values, list) and None in values and len(values) > 1:
        return {**schema, "enum": [value for value in values if value is not None]}, True
    return schema, False


def _choose_kind(field: Field, bare: dict[str, Any]) -> Field:
    """Return the field with its kind, and what belongs to that kind."""
    choices = _list_choices(bare)
    if choices:
        return replace(field, kind=FieldKind.CHOICE, choices=choices)
    kind = bare.get("type")
    if kind == "boolean" and (field.nullable or field.required or is_secret_name(field.name)):
        # a box that is not ticked would be a choice made
        return replace(field, kind=FieldKind.CHOICE, choices=(True, False))
    if isinstance(kind, str) and kind in _SCALARS:  # it may be a list of types
        return replace(field, kind=_SCALARS[kind])
    if kind == "string":
        return _choose_text(field, bare)
    if kind == "array":
        return _choose_list(field, bare)
    return field


def _choose_text(field: Field, bare: dict[str, Any]) -> Field:
    if "contentMediaType" in bare or bare.get("format") == "binary":
        return replace(field, kind=FieldKind.FILE)
    if bare.get("contentEncoding") == "base64" or bare.get("format") == "base64":
        return replace(field, kind=FieldKind.FILE, encoding="base64")
    if bare.get("format") in _FORMATS:
        return replace(field, kind=_FORMATS[bare["format"]])
    if is_secret_name(field.name) or bare.get("format") == "password":
        return replace(field, kind=FieldKind.SECRET)
    long = field.name.lower() in _LONG_NAMES and bare.get("maxLength", _LONG) >= _LONG
    return replace(field, kind=FieldKind.TEXT, multiline=long or "\n" in str(field.default))


def _choose_list(field: Field, bare: dict[str, Any]) -> Field:
    items = resolve_reference(bare.get("items", {}), field.root)
    if not items or "prefixItems" in bare:
        return field
    choices = _list_choices(items)
    if choices:
        return replace(field, kind=FieldKind.CHOICES, choices=choices)
    item = make_field("", items, field.root, required=True)
    if item.kind is FieldKind.FILE and not item.encoding:
        return replace(field, kind=FieldKind.FILE, many=True)
    return replace(field, kind=FieldKind.LIST) if item.kind in _OF_LISTS and not item.nullable else field


def _list_choices(schema: dict[str, Any]) -> tuple[Any, ...]:
    if "const" in schema:
        return (schema["const"],)
    values = schema.get("enum", ())
    return tuple(values) if isinstance(values, (list, tuple)) else ()


def _make_input(name: str, schema: dict[str, Any], root: dict[str, Any], *, required: bool) -> Field:
    text = str(resolve_reference(schema, root).get("description") or "")
    return Field(name=name, kind=FieldKind.INPUT, label=name, help=text, required=required, nullable=not required)


def _make_rest(schema: Any, root: dict[str, Any]) -> Field:
    taken = {"type": "object", "additionalProperties": schema}
    text = "Further arguments by name, as a JSON object."
    return Field(REST, FieldKind.JSON, "further arguments", text, required=False, default={}, schema=taken, root=root)
