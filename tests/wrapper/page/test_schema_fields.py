"""Fields of a form from the hints of a function."""

from __future__ import annotations

from typing import Any

import pytest
from tests.loading import Project

from ovenbird.function.argument_schema import make_argument_schema
from ovenbird.page.field import NO_DEFAULT, REST, Field
from ovenbird.page.form_values import parse_form
from ovenbird.page.schema_fields import make_fields

HEAD = """
import datetime, enum, uuid
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Optional
import pydantic
from msgspec import Meta
from starlette.datastructures import UploadFile

class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"

@dataclass
class Point:
    x: int
    y: int = 0

class Model(pydantic.BaseModel):
    n: int = pydantic.Field(gt=0, description="how many")
    m: Optional[Colour] = None
"""


def fields_of(project: Project, signature: str, doc: str = "") -> dict[str, Field]:
    """Return the fields of a handler by their names."""
    handler = project.handler(f'{HEAD}\ndef handler({signature}):\n    """{doc}"""\n')
    return {field.name: field for field in make_fields(make_argument_schema(handler))}


@pytest.mark.parametrize(
    ("hint", "kind"),
    [
        ("int", "integer"), ("float", "number"), ("str", "text"), ("bool", "choice"), ("bool = False", "switch"),
        ("Literal['a', 1]", "choice"), ("Colour", "choice"), ("datetime.date", "date"), ("uuid.UUID", "text"),
        ("datetime.datetime", "date-time"), ("datetime.time | None", "time"), ("UploadFile", "file"),
        ("list[UploadFile]", "file"), ("list[int]", "list"), ("set[str] | None", "list"), ("list[Colour]", "choices"),
        ("list[Point]", "json"), ("tuple[int, str]", "json"), ("Point", "json"), ("dict[str, int]", "json"),
        ("int | str", "json"), ("Any", "json"), ("Optional[bool]", "choice"), ("Model", "json"), ("list[bool]", "json"),
    ],
)  # fmt: skip
def test_a_hint_decides_how_a_value_is_typed(project: Project, hint: str, kind: str) -> None:
    """Each hint has its kind of field; what no simple field holds is JSON."""
    field = fields_of(project, f"value: {hint}, other: int = 1")["value"]
    assert field.kind == kind
    assert field.nullable is ("None" in hint or "Optional" in hint)


def test_a_field_has_its_help_default_and_limits(project: Project) -> None:
    """The docstring describes an argument that has no description; defaults are as JSON has them."""
    doc = "Count.\n\n    Args:\n        n (int): how many\n            of them\n        day: when\n    "
    fields = fields_of(
        project,
        "n: Annotated[int, Meta(ge=1, le=5)] = 3, day: datetime.date = datetime.date(2024, 1, 2), "
        "pair: tuple[int, int] = (1, 2), note: Annotated[str, Meta(description='words', max_length=9)] = 'a\\nb', "
        "api_key: str = 'hidden', **more",
        doc,
    )
    number = fields["n"]
    assert (number.help, number.default, number.required) == ("how many of them", 3, False)
    assert (number.schema["minimum"], number.schema["maximum"]) == (1, 5)
    assert (fields["day"].help, fields["day"].default) == ("when", "2024-01-02")
    assert fields["pair"].default == [1, 2]
    assert (fields["note"].help, fields["note"].multiline) == ("words", True)
    assert (fields["api_key"].kind, fields["api_key"].default) == ("secret", NO_DEFAULT)
    assert list(fields)[-1] == REST


def test_the_fields_of_a_class_are_found_by_its_reference() -> None:
    """`root` is the document that holds what references mean; pydantic's `allOf` and types in a list are understood."""
    root: dict[str, Any] = {
        "components": {
            "schemas": {
                "Size": {"enum": ["s", "l"], "description": "which"},
                "Order": {
                    "properties": {
                        "size": {"allOf": [{"$ref": "#/components/schemas/Size"}], "default": "s"},
                        "count": {"type": ["integer", "null"]},
                        "loop": {"$ref": "#/components/schemas/Loop"},
                    },
                    "required": ["count", "loop"],
                },
                "Loop": {"$ref": "#/components/schemas/Loop"},
            }
        }
    }
    size, count, loop = make_fields({"$ref": "#/components/schemas/Order"}, root=root)
    assert (size.kind, size.choices, size.default, size.help) == ("choice", ("s", "l"), "s", "which")
    assert (count.kind, count.nullable, count.required) == ("integer", True, False)
    assert loop.kind == "json"


def test_an_input_of_a_job_is_typed_as_text(project: Project) -> None:
    """An argument that no JSON holds is an input: a key, a path or a URL, with what may be chosen."""
    schema = {"properties": {"table": {}, "n": {"type": "integer"}}, "required": ["table", "n"]}
    table, number = make_fields(schema, inputs={"table"}, suggestions={"table": ("store://a", "store://b")})
    assert (table.kind, table.required, table.suggestions) == ("input", True, ("store://a", "store://b"))
    assert (number.kind, number.suggestions) == ("integer", ())


@pytest.mark.parametrize("value", [float("nan"), {"a": [float("inf")]}, {1, 2}], ids=repr)
def test_a_default_that_json_does_not_hold_is_no_default(value: object) -> None:
    """The field is empty then, and need not be filled."""
    (field,) = make_fields({"properties": {"x": {"type": "number", "default": value}}, "required": []})
    assert (field.default, field.required) == (NO_DEFAULT, False)


@pytest.mark.parametrize(
    "part",
    [
        {"type": "integer", "default": 1234}, {"type": "boolean", "default": True},
        {"enum": ["hidden", "b"], "default": "hidden"}, {"type": "object", "default": {"a": "hidden"}},
        {"type": "array", "items": {"type": "string"}, "default": ["hidden"]},
        {"type": "array", "items": {"enum": ["hidden", "b"]}, "default": ["hidden"]},
        {"anyOf": [{"type": "object"}, {"type": "null"}], "default": {"a": "hidden"}},
        {"type": "string", "format": "date", "default": "2024-01-31"},
    ],
    ids=["integer", "boolean", "choice", "object", "list", "choices", "nullable", "date"],
)  # fmt: skip
def test_a_secret_of_any_kind_has_no_default(part: dict[str, Any]) -> None:
    """A form shows no default of a secret argument; what is left empty is left to the function."""
    fields = make_fields({"properties": {"access_key": part}, "required": []})
    assert (fields[0].default, fields[0].required) == (NO_DEFAULT, False)
    for pairs in ([], [("access_key", "")]):
        result = parse_form(fields, pairs)
        assert (result.values, result.errors) == ({}, {})
