"""Examples within the limits of a hint."""

from __future__ import annotations

from typing import Annotated, Any, NewType, Optional

import annotated_types
import msgspec
import pytest

from ovenbird.function.example_limits import find_limits, fit_example

Percent = NewType("Percent", Annotated[int, msgspec.Meta(ge=0, le=100)])  # type: ignore[valid-newtype]


@pytest.mark.parametrize(
    ("hint", "limits"),
    [
        (int, {}), (Any, {}), (Percent, {"ge": 0, "le": 100}),
        (Optional[Annotated[str, msgspec.Meta(min_length=2)]], {"min_length": 2}),  # noqa: UP045
        (Annotated[Annotated[int, annotated_types.Gt(3)], "text", annotated_types.Lt(5)], {"gt": 3, "lt": 5}),
    ],
    ids=["none", "any", "newtype", "optional", "nested"],
)  # fmt: skip
def test_limits_are_found_below_every_wrapper(hint: Any, limits: dict[str, Any]) -> None:
    """Other things that an annotation holds are passed over."""
    assert find_limits(hint) == limits


@pytest.mark.parametrize(
    ("value", "limits", "fitted"),
    [
        (1, {"ge": 10}, 10), (1, {"gt": 1}, 2), (1, {"lt": 1}, 0), (1, {"le": -5}, -5), (1, {"ge": 0, "le": 5}, 1),
        (1.5, {"gt": 2, "lt": 3}, 2.5), (1.5, {"lt": 0}, -1), (1.5, {"ge": 2}, 2),
        (1, {"multiple_of": 5}, 5), (1, {"le": -5, "multiple_of": 4}, -8), (True, {"ge": 2}, True),
        ("text", {"min_length": 9}, "texttextt"), ("text", {"max_length": 2}, "te"),
        ([1], {"min_length": 3}, [1, 1, 1]),
        (None, {"ge": 2}, None), ({}, {"min_length": 1}, {}),
    ],
)  # fmt: skip
def test_a_value_is_fitted(value: Any, limits: dict[str, Any], fitted: Any) -> None:
    """The next value that is within; one that is within stays."""
    assert fit_example(value, limits) == fitted
