"""Values against the schemas of hints."""

from __future__ import annotations

from typing import Any

import pytest

from ovenbird.page.schema_values import check_value

ROOT: dict[str, Any] = {
    "$defs": {
        "Point": {
            "type": "object",
            "properties": {"x": {"type": "integer"}, "next": {"$ref": "#/$defs/Point"}},
            "required": ["x"],
            "additionalProperties": False,
        }
    }
}


@pytest.mark.parametrize(
    ("value", "schema", "errors"),
    [
        (2.0, {"type": "integer"}, []),
        (True, {"type": "integer"}, [("", "expected a whole number, found True")]),
        ("1", {"type": ["number", "null"]}, [("", "expected a number or null, found '1'")]),
        (1, {"enum": [True, "a"]}, [("", "expected one of True, 'a', found 1")]),
        (5, {"exclusiveMaximum": 5, "multipleOf": 2}, [("", "expected less than 5, found 5"),
                                                       ("", "expected a multiple of 2, found 5")]),
        ("ab", {"minLength": 3, "pattern": "^b"}, [("", "expected at least 3 characters, found 2"),
                                                   ("", "expected text that matches ^b, found 'ab'")]),
        ("a", {"pattern": "("}, []),
        ([1, "b"], {"prefixItems": [{"type": "integer"}], "items": False}, [("[1]", "not allowed here")]),
        ([1], {"minItems": 2}, [("", "expected at least 2 items, found 1")]),
        ({"next": {"x": "1", "y": 2}}, {"$ref": "#/$defs/Point"},
         [("x", "missing"), ("next.x", "expected a whole number, found '1'"),
          ("next.y", "unknown field; known are x, next")]),
        ({"a": "b"}, {"additionalProperties": {"type": "integer"}}, [("a", "expected a whole number, found 'b'")]),
        ({"x": "b"}, {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/Point"}]},
         [("x", "expected a whole number, found 'b'")]),
        (None, {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/Point"}]}, []),
        ("anything", {"$ref": "#/nowhere"}, []),
    ],
    ids=str,
)  # fmt: skip
def test_each_part_that_does_not_fit_is_named(value: Any, schema: dict[str, Any], errors: list[Any]) -> None:
    """An error has the path of its part, and says what was expected and found."""
    assert check_value(value, schema, ROOT) == errors


def test_the_errors_of_one_value_are_bounded() -> None:
    """A list of thousands of wrong items has twenty errors, and a message is one short line."""
    errors = check_value(["x" * 10_000] * 10_000, {"items": {"type": "integer"}}, {})
    assert len(errors) == 20
    assert len(errors[0].message) < 300
