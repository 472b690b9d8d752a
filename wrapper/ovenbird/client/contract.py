"""The contract of a service, read from its OpenAPI document: which arguments a call takes, and how they are sent."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from ..common.text import show_value

_JSON, _FORM, _EVENT = "application/json", "multipart/form-data", "application/cloudevents+json"
_RAW = "application/octet-stream"


class PayloadForm(enum.Enum):
    """The form in which the arguments of a call are sent."""

    FIELDS = "fields of a JSON object"
    MULTIPART = "fields and files of a form"
    WHOLE = "one JSON value"
    RAW = "bytes"
    EVENT = "a CloudEvent"
    UNKNOWN = "not described"


class Field(NamedTuple):
    """A field of the payload."""

    name: str
    schema: Mapping[str, Any]
    is_required: bool
    is_json: bool = False  # whether a form holds it as JSON

    @property
    def is_file(self) -> bool:
        """Return whether the field is a file, or a list of files."""
        schema = self.schema.get("items", self.schema) if self.takes_several else self.schema
        return isinstance(schema, Mapping) and "contentMediaType" in schema

    @property
    def takes_several(self) -> bool:
        """Return whether the field is a list."""
        return self.schema.get("type") == "array"


class Contract(NamedTuple):
    """What a service says of its function. `fields` are empty where the payload is one value of any kind.

    `argument` is the name of the only argument, where the payload is its value; an older service does not say it.
    """

    name: str
    form: PayloadForm
    fields: Mapping[str, Field]
    takes_rest: bool
    description: str = ""
    document: Mapping[str, Any] = {}
    argument: str = ""

    def __str__(self) -> str:
        return f"{self.name}({', '.join(self._list_parameters())})"

    def _list_parameters(self) -> list[str]:
        parameters = [
            field.name if field.is_required else f"{field.name}={show_value(field.schema.get('default', '...'))}"
            for field in self.fields.values()
        ]
        if self.takes_rest and self.fields:
            parameters.append("**fields")
        return parameters or ([f"<{self.form.value}>"] if self.form is not PayloadForm.FIELDS else [])


def parse_contract(document: Any) -> Contract:
    """Return the contract in an OpenAPI document. Errors: ValueError says what is not as Ovenbird writes it."""
    if not isinstance(document, dict) or not isinstance(document.get("openapi"), str):
        raise ValueError("it is no OpenAPI document")
    try:
        operation = document["paths"]["/"]["post"]
        name = operation["operationId"]
        content = operation.get("requestBody", {}).get("content", {})
        return _read_contract(str(name), operation, content, document)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"it describes no call of `POST /` ({type(error).__name__}: {show_value(str(error))})"
        ) from None


def _read_contract(name: str, operation: Any, content: Any, document: Any) -> Contract:
    description = str(operation.get("description", ""))

    def describe(form: PayloadForm, fields: Mapping[str, Field] = {}, *, takes_rest: bool = False) -> Contract:
        argument = operation.get("requestBody", {}).get("x-argument", "") if form is PayloadForm.WHOLE else ""
        return Contract(name, form, fields, takes_rest, description, document, str(argument))

    if _EVENT in content:
        return describe(PayloadForm.EVENT)
    if _FORM in content:
        nested = content[_FORM].get("encoding", {})
        fields, takes_rest = _read_fields(content[_FORM]["schema"], nested)
        return describe(PayloadForm.MULTIPART, fields, takes_rest=takes_rest)
    if _JSON in content and len(content) > 1:  # a form may be sent too, so the payload has fields
        fields, takes_rest = _read_fields(content[_JSON]["schema"])
        return describe(PayloadForm.FIELDS, fields, takes_rest=takes_rest)
    if _JSON in content:
        schema = _resolve(content[_JSON]["schema"], document)
        if isinstance(schema.get("properties"), dict):
            fields, _ = _read_fields(schema)
            return describe(PayloadForm.WHOLE, fields, takes_rest=bool(schema.get("additionalProperties")))
        return describe(PayloadForm.WHOLE, takes_rest=True)
    return describe(PayloadForm.RAW if _RAW in content else PayloadForm.UNKNOWN)


def _read_fields(schema: Any, nested: Collection[str] = ()) -> tuple[dict[str, Field], bool]:
    required = schema.get("required", ())
    fields = {
        name: Field(name, part, name in required, name in nested) for name, part in schema.get("properties", {}).items()
    }
    return fields, bool(schema.get("additionalProperties"))


def _resolve(schema: Any, document: Any) -> Any:
    """Return the schema that a reference within the document leads to."""
    for _ in range(10):
        reference = schema.get("$ref")
        if reference is None:
            return schema
        schema = document
        for part in reference.removeprefix("#/").split("/"):
            schema = schema[part.replace("~1", "/").replace("~0", "~")]
    return {}
