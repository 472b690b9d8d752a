"""One parameter that takes the whole payload: the value itself, or an object that holds just the parameter."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, TypedDict

import pandas as pd
import pydantic
import pytest
from numpy.typing import NDArray

from ovenbird.function.binder import Binder, PayloadValidationError


@dataclass
class Order:
    item: str = ""


@dataclass
class Nested:
    order: list[int]


class Open(pydantic.BaseModel, extra="allow"):
    item: str = ""


class Closed(pydantic.BaseModel):
    item: str = ""


class Root(pydantic.RootModel[dict[str, int]]): ...


class Table(TypedDict, total=False):
    item: str


def no_hint(x): ...
def floats(values: list[float]): ...
def pair(pair: tuple[int, str]): ...
def array(values: NDArray[Any]): ...
def union(values: list[int] | None): ...
def order(order: Order): ...
def nested(order: Nested): ...
def typed_dict(order: Table): ...
def closed(order: Closed): ...
def open_model(order: Open): ...
def root(order: Root): ...
def mapping(x: dict): ...
def mapping_or_list(x: dict[str, int] | list[int]): ...
def frame(df: pd.DataFrame): ...
def accents(größe: list[int]): ...  # noqa: PLC2401 (users write such names)


@pytest.mark.parametrize(
    ("function", "body", "expected"),
    [
        (no_hint, {"x": 3}, 3),
        (no_hint, {"x": {"x": 3}}, {"x": 3}),
        (no_hint, {"x": 3, "y": 1}, {"x": 3, "y": 1}),
        (no_hint, {"y": 3}, {"y": 3}),
        (no_hint, [1], [1]),
        (no_hint, {}, {}),
        (floats, {"values": [1, 2]}, [1.0, 2.0]),
        (floats, [1, 2], [1.0, 2.0]),
        (pair, {"pair": [1, "a"]}, (1, "a")),
        (union, {"values": [1]}, [1]),
        (union, {"values": None}, None),
        (order, {"order": {"item": "a"}}, Order("a")),
        (order, {"item": "a"}, Order("a")),
        (nested, {"order": [1]}, Nested([1])),
        (typed_dict, {"order": {"item": "a"}}, {"item": "a"}),
        (closed, {"order": {"item": "a"}}, Closed(item="a")),
        (open_model, {"order": {"item": "a"}}, Open(order={"item": "a"})),
        (root, {"order": 1}, Root({"order": 1})),
        (mapping, {"x": 3}, {"x": 3}),
        (mapping_or_list, {"x": 3}, {"x": 3}),
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_an_object_that_holds_just_the_parameter_stands_for_it(
    function: Any, body: Any, expected: Any, indent: int | None
) -> None:
    """Unless the hint takes such an object itself: a mapping, or a class with a field of that name."""
    binder = Binder(function)
    name = binder.parameters[0].name
    assert binder.from_json(json.dumps(body, indent=indent).encode()) == {name: expected}
    assert binder.from_object(body) == {name: expected}


def test_arrays_and_tables_follow_the_rule() -> None:
    """An array is no object, so it is unwrapped; a table takes an object of columns, so it is not."""
    assert Binder(array).from_json(b'{"values": [1, 2]}')["values"].tolist() == [1, 2]
    assert Binder(frame).from_json(b'{"df": [1, 2]}')["df"].to_dict("list") == {"df": [1, 2]}


def test_a_name_may_be_written_with_escapes() -> None:
    """Most JSON writers escape what is not ASCII."""
    assert Binder(accents).from_json(json.dumps({"größe": [1]}).encode()) == {"größe": [1]}
    assert Binder(accents).from_json('{"größe": [1]}'.encode()) == {"größe": [1]}


def test_a_query_or_form_gives_the_value_by_name() -> None:
    """`?values=1&values=2` is a list, one value of it too."""
    assert Binder(floats).from_fields([("values", "1"), ("values", "2")]) == {"values": [1.0, 2.0]}
    assert Binder(floats).from_fields([("values", "1")]) == {"values": [1.0]}
    assert Binder(no_hint).from_fields([("x", "3")]) == {"x": "3"}
    assert Binder(no_hint).from_fields([("x", "3"), ("y", "1")]) == {"x": {"x": "3", "y": "1"}}
    assert Binder(mapping).from_fields([("x", "3")]) == {"x": {"x": "3"}}


@pytest.mark.parametrize(
    ("function", "body", "problem"),
    [
        (
            floats,
            b'{"a": [1]}',
            ("values", "Expected array, got object; the body is the value of 'values' (list[float]), "
             'or an object with "values" alone'),
        ),
        (floats, b'{"values": ["a"]}', ("values[0]", "Expected float, got str")),
        (floats, b'["a"]', ("[0]", "Expected float, got str")),
        (floats, b"", ("values", "Expected array, got object; the body is the value of 'values' (list[float]), "
         'or an object with "values" alone')),
        (mapping, b"[1]", ("x", "Expected object, got array; the body is the value of 'x' (dict)")),
        (nested, b'{"order": 1}', ("order", "Expected array, got int")),
    ],
)  # fmt: skip
def test_a_refusal_says_what_the_body_should_be(function: Any, body: bytes, problem: tuple[str, str]) -> None:
    """No problem has an empty field name."""
    binder = Binder(function)
    with pytest.raises(PayloadValidationError) as caught:
        binder.from_json(body) if body else binder.from_nothing()
    assert [tuple(error) for error in caught.value.problems] == [problem]
