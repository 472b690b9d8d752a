"""Example calls fit the function that they are made for."""

from __future__ import annotations

import datetime
import decimal
import enum
import itertools
import json
import shlex
import uuid
from collections import namedtuple
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
import numpy as np
import pandas as pd
import pydantic
import pytest
from starlette.datastructures import UploadFile

import ovenbird
from ovenbird.common.setting_values import RawArgument
from ovenbird.function.binder import JOB, Binder
from ovenbird.function.examples import example_value, explain_instances, is_instance_only, request_line, run_line
from ovenbird.job.arguments import check_names, convert


class Color(enum.Enum):
    RED = "red"


@dataclass
class Node:
    name: str
    children: list[Node] = field(default_factory=list)


class Tree(msgspec.Struct):
    left: Tree | None
    when: datetime.datetime


class Model(pydantic.BaseModel):
    id: uuid.UUID
    price: decimal.Decimal
    parts: list[int] | None
    note: str = ""


class Point(NamedTuple):
    x: float
    kind: Color
    label: str = ""


Pair = namedtuple("Pair", "a b")  # without hints


class Cat(msgspec.Struct, tag=True):
    name: str


class Dog(msgspec.Struct, tag=True):
    age: int


class Row(msgspec.Struct, array_like=True, tag="row"):
    x: float
    y: int = 0


class Limited(pydantic.BaseModel):
    share: float = pydantic.Field(ge=0, le=1)
    code: str = pydantic.Field(min_length=6)


class City: ...


class Dataitem: ...


def scalars(a: int, b: float, c: bool, d: str, e: bytes, f: decimal.Decimal, g: uuid.UUID, h: Color): ...
def times(a: datetime.datetime, b: datetime.date, c: datetime.time, d: datetime.timedelta): ...
def containers(a: list[int], b: dict[str, list[int]], c: tuple[int, str], d: set[str], e: tuple[int, ...], f: list): ...
def unions(a: int | None, b: str | int, c: Literal["x", "y"], d: Literal[2] | None): ...
def nodes(node: Node, tree: Tree, model: Model): ...
def node(node: Node): ...
def model(model: Model): ...
def anything(x): ...
def optional(a: int = 1, b: str = ""): ...
def nothing(): ...
def rest(a: int, **more): ...
def frame(df: pd.DataFrame, n: int): ...
def points(p: Point, pair: Pair, many: list[Point], by_name: dict[str, Point | None]): ...
def point(p: Point): ...
def numbers(c: complex, many: list[complex], i: np.int32, f: np.float64, b: np.bool_): ...
def number(c: complex): ...
def structs(tagged: Cat | Dog, row: Row, rows: list[Row]): ...
def words(url: pydantic.HttpUrl, limited: Limited, secret: pydantic.SecretStr, nothing: None): ...
def limits(
    a: Annotated[int, msgspec.Meta(ge=10)] | None,
    b: Annotated[float, msgspec.Meta(gt=2, lt=3)],
    c: Annotated[str, msgspec.Meta(min_length=9)],
    d: Annotated[list[int], msgspec.Meta(min_length=3)],
    e: Annotated[int, msgspec.Meta(le=-5, multiple_of=4)],
    f: Annotated[str, msgspec.Meta(max_length=2)],
    g: pydantic.NegativeInt,
    h: Annotated[int, pydantic.Field(gt=5)],
): ...
def instance(n: int, city: City | None = None): ...


@pytest.mark.parametrize(
    "function",
    [
        scalars,
        times,
        containers,
        unions,
        nodes,
        node,
        model,
        anything,
        optional,
        nothing,
        rest,
        frame,
        points,
        point,
        numbers,
        number,
        structs,
        words,
        limits,
    ],
)
def test_the_request_and_the_run_bind(function: Any) -> None:
    """The printed request and the run's printed command bind without an error."""
    binder = Binder(function)
    words = shlex.split(request_line(binder, 8080))
    assert words[:2] == ["curl", "localhost:8080"]
    if "--json" in words:
        binder.from_json(words[words.index("--json") + 1].encode())
    else:
        binder.from_nothing()
    job = Binder(function, JOB, fields_only=True)
    words = shlex.split(run_line(job, "my main.py"))
    assert words[:3] == ["ovenbird", "run", "my main.py"]
    arguments = dict(word.split("=", 1) for flag, word in itertools.pairwise(words) if flag == "--param")
    inputs = dict(word.split("=", 1) for flag, word in itertools.pairwise(words) if flag == "--input")
    check_names(job, arguments, inputs)
    convert(job, {name: RawArgument(text) for name, text in arguments.items()})


def test_files_and_events_have_forms_of_their_own() -> None:
    """A form for uploads, the raw body for bytes, a structured event."""

    def uploads(file: UploadFile, more: list[UploadFile], title: str, sizes: list[int]): ...
    def raw(data: bytes): ...
    def event(event: ovenbird.CloudEvent, n: int): ...

    line = request_line(Binder(uploads), 80)
    assert line == "curl localhost:80 -F file=@FILE -F more=@FILE -F more=@FILE -F title=text -F 'sizes=[1]'"
    assert "--data-binary @FILE" in request_line(Binder(raw), 80)
    words = shlex.split(request_line(Binder(event), 80))
    assert json.loads(words[-1])["data"] == {"n": 1}


def test_entities_and_tables_are_inputs() -> None:
    """A job takes them by key, path or URL; no JSON value makes them."""

    def train(project, di: Dataitem, df: pd.DataFrame, n: int, m: int = 1): ...

    line = run_line(Binder(train, JOB, fields_only=True), "t.py:train")
    assert line == "ovenbird run t.py:train --input di=KEY_OR_FILE --input df=KEY_OR_FILE --param n=1"


def test_the_example_of_a_named_tuple_is_an_array_of_what_it_requires() -> None:
    """Its fields are in their order; those with a default at the end are left out."""
    assert example_value(Point) == [1.5, "red"]
    assert example_value(list[Pair]) == [["text", "text"]]


def test_a_class_of_the_user_is_neither_a_parameter_nor_an_input() -> None:
    """No file makes one: the line leaves it out where it may, and else there is no line but a reason."""
    job = Binder(instance, JOB, fields_only=True)
    assert run_line(job, "m.py") == "ovenbird run m.py --param n=1"
    assert explain_instances(job) == ""
    assert {parameter.name: is_instance_only(parameter) for parameter in job.parameters} == {"n": False, "city": True}

    def required(city: City, cities: list[City], di: Dataitem, data: bytes): ...

    assert explain_instances(Binder(required, JOB, fields_only=True)).startswith(
        "neither a parameter nor an input makes `city: City`, `cities: list["
    )


def test_classes_that_hold_themselves_end() -> None:
    """A required field of the class's own kind is followed some levels deep, and no further."""

    @dataclass
    class Endless:
        next: Any

    Endless.__annotations__["next"] = Endless
    Endless.__dataclass_fields__["next"].type = Endless  # type: ignore[attr-defined]
    assert len(json.dumps(example_value(Endless))) < 200
