"""The values of a submitted form."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from ovenbird.page.form_html import render_fields
from ovenbird.page.form_values import parse_form
from ovenbird.page.schema_fields import make_fields

NULL = {"type": "null"}


def parse(part: dict[str, Any], *texts: str, required: bool = True) -> Any:
    """Return the value of one field `x`, its error, or None for neither."""
    schema = {"properties": {"x": part}, "required": ["x"] if required else []}
    result = parse_form(make_fields(schema), [("x", text) for text in texts])
    return result.errors.get("x", result.values.get("x", "left out"))


@pytest.mark.parametrize(
    ("part", "text", "value"),
    [
        ({"type": "integer"}, " 1_000 ", 1000), ({"type": "integer"}, "9" * 30, int("9" * 30)),
        ({"type": "number"}, "1e3", 1000.0), ({"type": "number"}, "-2", -2), ({"type": "string"}, " a\r\nb ", " a\nb "),
        ({"type": "boolean", "default": False}, "on", True), ({"enum": ["1", 1]}, "1", 1),
        ({"enum": ["1", 1]}, '"1"', "1"), ({"enum": ["a"]}, "a", "a"), ({"type": "boolean"}, "false", False),
        ({"type": "string", "format": "date"}, "2024-01-31", "2024-01-31"),
        ({"type": "string", "format": "date-time"}, "2024-01-31T10:20", "2024-01-31T10:20:00"),
        ({"type": "string", "format": "date-time"}, "2024-01-31T10:20:30Z", "2024-01-31T10:20:30Z"),
        ({"type": "string", "format": "time"}, "10:20", "10:20:00"),
        ({"type": "array", "items": {"type": "integer"}}, "1\r\n\r\n 2", [1, 2]),
        ({"type": "array", "items": {"type": "string"}}, '["a\\nb"]', ["a\nb"]),
        ({"type": "array", "items": {"type": "string"}}, "", []),
        ({"type": "object"}, '{"a": [1]}', {"a": [1]}), ({}, "plain text", "plain text"), ({}, "[1]", [1]),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, "ab", "ab"),
        ({"anyOf": [{"type": "integer"}, NULL]}, "", None),
        ({"anyOf": [{"type": "string"}, NULL], "default": "a"}, "", None),
        ({"anyOf": [{"type": "string"}, NULL], "default": None}, "", "left out"),
        ({"type": "string", "default": "a"}, "", ""), ({"type": "integer", "default": 3}, "", "left out"),
        ({"type": "integer", "default": 3}, "3", "left out"), ({"type": "boolean", "default": True}, "off", False),
    ],
    ids=str,
)  # fmt: skip
def test_a_text_becomes_the_value_of_its_kind(part: dict[str, Any], text: str, value: Any) -> None:
    """A value is typed as JSON has it; one that is as the default, or was left empty, is not sent."""
    found = parse(part, text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("part", "text", "error"),
    [
        ({"type": "integer"}, "1.5", "Expected a whole number, found '1.5'."),
        ({"type": "integer"}, "", "This field is required."),
        ({"type": "string"}, "", "This field is required."),
        ({"type": "number"}, "nan", "Expected a finite number: JSON has no other."),
        ({"type": "integer", "maximum": 5}, "9", "Expected at most 5, found 9."),
        ({"enum": ["a", "b"]}, "c", "Expected one of 'a', 'b', found 'c'."),
        ({"type": "string", "format": "date"}, "31.1.", "Expected a date, such as 2024-01-31, found '31.1.'."),
        ({"type": "array", "items": {"type": "integer"}}, "1\nb", "Line 2: Expected a whole number, found 'b'."),
        ({"type": "object"}, '{"a"', "No JSON: Expecting ':' delimiter in line 1, column 5."),
        ({"type": "object"}, '{"a": NaN}', "No JSON: NaN is not in JSON."),
        ({"type": "object"}, '{"a": 1e400}', "No JSON: '1e400' is larger than any float."),
        ({"type": "object"}, "[" * 100_000, "The JSON is nested too deeply."),
        ({"type": "object", "required": ["a"]}, '{"b": 1}', "a: missing."),
        ({"type": "string", "contentMediaType": "a/b"}, "", "Choose a file."),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_what_does_not_fit_is_refused_at_its_field(part: dict[str, Any], text: str, error: str) -> None:
    """The error says what was expected and found."""
    assert parse(part, text) == error


def test_several_choices_are_a_list() -> None:
    """Ticked boxes are values of the list; none is an empty list."""
    part = {"type": "array", "items": {"enum": ["a", 1]}}
    assert parse(part, '"a"', "1") == ["a", 1]
    assert parse(part) == []


def test_what_was_typed_stays_except_secrets() -> None:
    """The texts of all fields come back, also of those that are refused; further arguments may not repeat a field."""
    schema = {
        "properties": {"n": {"type": "integer"}, "token": {"type": "string"}, "s": {"type": "string"}},
        "required": ["n"],
        "additionalProperties": True,
    }
    pairs = [("n", "x"), ("token", "abc"), ("s", "ok"), ("**", '{"s": 1}')]
    result = parse_form(make_fields(schema), pairs)
    assert result.typed == {"n": ["x"], "s": ["ok"], "**": ['{"s": 1}']}
    assert result.values == {"token": "abc", "s": "ok"}
    assert result.errors == {"n": "Expected a whole number, found 'x'.", "**": "s: has a field of its own."}
    assert parse_form(make_fields(schema), [("n", "1"), ("**", '{"more": 2}')]).values == {"n": 1, "more": 2}


def test_files_in_place_of_paths() -> None:
    """They join the paths of a list, and exclude the text of an input; one input takes one unless it says more."""
    schema = {"properties": {"table": {}, "paths": {"type": "array", "items": {"type": "string", "format": "path"}}},
              "required": ["table", "paths"]}  # fmt: skip
    fields = [replace(field, takes_files=True) for field in make_fields(schema, inputs={"table"})]
    first, second, unnamed = (SimpleNamespace(filename=name) for name in ("a.csv", "b.csv", ""))
    fields[1] = replace(fields[1], many=True)
    result = parse_form(
        fields, [("table", ""), ("table", first), ("paths", "/x\n"), ("paths", first), ("paths", second)]
    )
    assert (result.files, result.errors) == ({"table": [first], "paths": [first, second]}, {})
    assert result.values == {"paths": ["/x"]}
    assert parse_form(fields, [("table", first), ("paths", ""), ("paths", first)]).values == {"paths": []}
    assert "both were given" in parse_form(fields, [("table", "key"), ("table", first)]).errors["table"]
    assert "these are 2" in parse_form(fields, [("table", first), ("table", second)]).errors["table"]
    assert set(parse_form(fields, [("table", unnamed), ("paths", "")]).errors) == {"table"}
    html = render_fields(fields)
    assert html.count('type="file"') == 2
    assert html.count(" multiple") == 1


def test_a_list_of_tables_is_typed_as_json() -> None:
    """A schema may have several types, as that of a table has."""
    assert parse({"type": "array", "items": {"type": ["array", "object"]}}, "[[1], {}]") == [[1], {}]
