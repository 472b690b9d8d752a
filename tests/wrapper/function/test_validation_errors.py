"""Every part of a payload that does not fit, with its path."""

# ruff: noqa: UP007 (users write hints in both ways, so both are tested)

from dataclasses import dataclass, field
from typing import Any, TypedDict, Union

import msgspec
import pydantic
import pytest
from typing_extensions import NotRequired

from ovenbird.function.convert import Converter
from ovenbird.function.validation_errors import (
    FieldError,
    PayloadValidationError,
    collect_unknown_fields,
    json_type_name,
)


@dataclass
class Line:
    name: str
    price: float


@dataclass
class Order:
    lines: list[Line]
    note: Line | None = None
    by_day: dict[str, list[int]] = field(default_factory=dict)


class Tagged(msgspec.Struct, tag="t", tag_field="kind", forbid_unknown_fields=True, rename="camel"):
    first_name: str


class Partial(TypedDict):
    n: NotRequired[int]
    m: NotRequired[list[int]]


class Model(pydantic.BaseModel):
    n: int
    m: int = 0


class Mixed(msgspec.Struct):
    models: list[Model]


def problems_of(hint: Any, value: Any, path: str = "") -> dict[str, str]:
    with pytest.raises(PayloadValidationError) as caught:
        Converter("x", hint).convert(value, path)
    return dict(caught.value.problems)


def test_every_bad_item_of_a_list_is_named() -> None:
    """A list of classes: each wrong field of each item, with index and name."""
    value = {"lines": [{"name": 1, "price": "x"}, {"name": "a", "price": 1}, {"price": 2}]}
    assert problems_of(Order, value) == {
        "lines[0].name": "Expected str, got int",
        "lines[0].price": "Expected float, got str",
        "lines[2].name": "missing",
    }


def test_problems_are_found_below_optional_fields_and_dicts() -> None:
    """`X | None`, and the values of a dict, are descended into."""
    value = {"lines": [], "note": {"name": 1}, "by_day": {"mon": [1], "tue": ["x", 2, None]}}
    assert problems_of(Order, value, "order") == {
        "order.note.name": "Expected str, got int",
        "order.note.price": "missing",
        "order.by_day.tue[0]": "Expected int, got str",
        "order.by_day.tue[2]": "Expected int, got null",
    }


def test_pydantic_models_inside_other_classes_are_named_too() -> None:
    """A Struct with a list of models: each field of each model."""
    assert set(problems_of(Mixed, {"models": [{"n": "x", "m": "y"}, {"n": 1}, {}]})) == {
        "models[0].n", "models[0].m", "models[2].n",
    }  # fmt: skip


def test_names_are_those_in_json() -> None:
    """Renamed fields have the client's names, the tag is a known field, and a similar name is suggested."""
    assert problems_of(Tagged, {"kind": "t", "firstNam": "a"}) == {
        "firstName": "missing", "firstNam": "unknown field, did you mean 'firstName'?",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("hint", "value", "expected"),
    [
        (Partial, {"n": "x", "m": ["y"]}, {"n": "Expected int, got str", "m[0]": "Expected int, got str"}),
        (tuple[int, ...], [1, "x"], {"[1]": "Expected int, got str"}),
        (tuple[int, str], [1, 2], {"[1]": "Expected str, got int"}),
        (set[int], ["x", "y"], {"[0]": "Expected int, got str", "[1]": "Expected int, got str"}),
        (list[int], {"a": 1}, {"": "Expected array, got object"}),
        (Union[int, list[int]], ["x"], {"[0]": "Expected int, got str"}),
        (Line, None, {"": "Expected object, got null"}),
    ],
)
def test_other_containers(hint: Any, value: Any, expected: dict[str, str]) -> None:
    """Errors in TypedDicts, tuples, sets and unions have a path, as far as it is known."""
    assert problems_of(hint, value) == expected


def test_not_more_than_twenty_items_are_named() -> None:
    """A long list of bad items does not make a long answer."""
    assert len(problems_of(list[int], ["x"] * 1000)) == 20
    assert len(problems_of(list[Model], [{}] * 1000)) == 20


def test_a_bad_item_far_behind_is_still_named() -> None:
    """Beyond the items that are checked one by one, only the first bad item is reported."""
    assert set(problems_of(list[int], [1] * 50_000 + ["x", "y"])) == {"[50000]"}


def test_the_message_of_the_error_holds_all_problems() -> None:
    """The message for a log or a terminal has every problem, in one line."""
    error = PayloadValidationError([FieldError("a", "missing"), FieldError("", "expected an object")])
    assert error.message == "a: missing; payload: expected an object"
    assert error.exit_code == 77


def test_unknown_names_are_cut() -> None:
    """An unknown name from the client is quoted, and cut where it is long."""
    assert collect_unknown_fields(["x" * 1000, 5], ["name"], "a") == [
        FieldError("a." + "x" * 60 + "...", "unknown field"), FieldError("a.5", "unknown field"),
    ]  # fmt: skip


def test_values_are_named_in_the_words_of_json() -> None:
    """Errors use the client's terms."""
    values = [None, [], "", True, 1, 1.5, {}, b""]
    assert [json_type_name(value).split()[-1] for value in values] == [
        "null", "array", "string", "boolean", "number", "number", "object", "binary",
    ]  # fmt: skip
