"""Pairs of a query or form become values."""

# ruff: noqa: UP045 (users write hints in both ways, so both are tested)

from dataclasses import dataclass
from typing import Any, Optional

import pytest

from ovenbird.function.form_fields import as_hinted, as_object, group_values


@dataclass
class Filter:
    tags: list[str]
    n: int = 0


def test_values_are_grouped_in_order() -> None:
    """A repeated name has all its values."""
    assert group_values([("a", "1"), ("b", "2"), ("a", "3")]) == {"a": ["1", "3"], "b": ["2"]}


@pytest.mark.parametrize(
    ("values", "hint", "expected"),
    [
        (["1"], Any, "1"),
        (["1", "2"], Any, ["1", "2"]),
        (["1", "2"], int, "2"),
        (["1"], list[int], ["1"]),
        (["[1, 2]"], list[int], [1, 2]),
        (["[1, 2"], list[str], ["[1, 2"]),
        (["[1]", "[2]"], list[str], ["[1]", "[2]"]),
        (['{"a": 1}'], dict, {"a": 1}),
        (['{"a": 1}'], Optional[Filter], {"a": 1}),
        (['{"a": 1}'], str, '{"a": 1}'),
        (["{a"], dict, "{a"),
        (["[" * 100_000], dict, "[" * 100_000),
    ],
)
def test_the_hint_says_how_many_and_whether_json(values: list[str], hint: Any, expected: Any) -> None:
    """Lists take all values, scalars the last; JSON is parsed only where the hint holds more than a scalar."""
    assert as_hinted(values, hint) == expected


def test_an_object_of_a_class_has_lists_where_the_class_says_so() -> None:
    """A single value of a list field is a list with that value."""
    assert as_object([("tags", "a"), ("n", "1"), ("n", "2")], Optional[Filter]) == {"tags": ["a"], "n": "2"}
    assert as_object([("tags", "a"), ("tags", "b")], dict) == {"tags": ["a", "b"]}
