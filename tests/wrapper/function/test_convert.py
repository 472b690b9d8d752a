"""Values become what hints ask for."""

# ruff: noqa: UP007, UP045 (users write hints in both ways, so both are tested)

import datetime
import decimal
import enum
import pathlib
import uuid
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NewType, Optional, TypedDict, Union

import annotated_types
import msgspec
import numpy as np
import numpy.typing
import pandas as pd
import polars as pl
import pydantic
import pytest

from ovenbird.errors import SignatureError
from ovenbird.function.convert import Converter, parse_json
from ovenbird.function.validation_errors import MalformedPayloadError, PayloadValidationError


class Colour(enum.Enum):
    RED = "red"


UserId = NewType("UserId", int)
DAY = datetime.date(2024, 2, 3)
NOW = datetime.datetime(2024, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
ID = uuid.UUID("12345678-1234-5678-1234-567812345678")


@pytest.mark.parametrize(
    ("hint", "value", "expected"),
    [
        (int, 3, 3),
        (float, 3, 3.0),
        (Optional[int], None, None),
        (Literal["a", "b"], "b", "b"),
        (Colour, "red", Colour.RED),
        (datetime.datetime, "2024-02-03T04:05:00Z", NOW),
        (datetime.date, "2024-02-03", DAY),
        (datetime.timedelta, "PT90S", datetime.timedelta(seconds=90)),
        (uuid.UUID, str(ID), ID),
        (decimal.Decimal, "1.10", decimal.Decimal("1.10")),
        (bytes, "aGk=", b"hi"),
        (complex, [1, 2], 1 + 2j),
        (UserId, 5, 5),
        (tuple[int, str], [1, "a"], (1, "a")),
        (set[int], [1, 1], {1}),
        (dict[str, list[int]], {"a": [1]}, {"a": [1]}),
        (Union[int, str], "x", "x"),
        (Annotated[int, msgspec.Meta(gt=0)], 1, 1),
        (Annotated[int, pydantic.Field(gt=0)], 1, 1),
        (pydantic.HttpUrl, "http://a.example/", pydantic.HttpUrl("http://a.example/")),
        (pathlib.Path, "a/b", pathlib.Path("a/b")),
        (Any, {"a": 1}, {"a": 1}),
    ],
)
def test_json_values_become_the_hint(hint: Any, value: Any, expected: Any) -> None:
    """Each kind of hint, from a parsed value and from a JSON text."""
    converter = Converter("x", hint)
    assert converter.convert(value, "") == expected
    assert converter.decode(msgspec.json.encode(value)) == expected


@pytest.mark.parametrize(
    ("hint", "text", "expected"),
    [
        (int, "3", 3),
        (float, "1.5", 1.5),
        (bool, "true", True),
        (bool, "0", False),
        (Optional[int], "4", 4),
        (str, "5", "5"),
        (datetime.date, "2024-02-03", DAY),
        (datetime.datetime, "2024-02-03T04:05:00Z", NOW),
        (uuid.UUID, str(ID), ID),
        (decimal.Decimal, "1.1", decimal.Decimal("1.1")),
        (Colour, "red", Colour.RED),
        (Literal[1, 2], "2", 2),
        (Annotated[int, msgspec.Meta(ge=1)], "1", 1),
        (Annotated[int, pydantic.Field(ge=1)], "1", 1),
        (list[int], ["1", "2"], [1, 2]),
    ],
)
def test_text_becomes_the_hint_when_lax(hint: Any, text: Any, expected: Any) -> None:
    """A query has only text; numbers, booleans and dates are read from it."""
    assert Converter("x", hint).convert(text, "x", lax=True) == expected


@pytest.mark.parametrize(
    ("hint", "value", "lax", "message"),
    [
        (int, "3", False, "Expected int, got str"),
        (int, "x", True, "Expected int, got str"),
        (int, 1.5, False, "Expected int, got float"),
        (bool, 1, False, "Expected bool, got int"),
        (Colour, "blue", False, "Invalid enum value 'blue'"),
        (Literal["a"], "b", False, "Invalid enum value 'b'"),
        (datetime.date, "soon", False, "Invalid RFC3339 encoded date"),
        (uuid.UUID, "x", True, "Invalid UUID"),
        (decimal.Decimal, "x", False, "Invalid decimal string"),
        (Annotated[int, msgspec.Meta(gt=0)], 0, False, "Expected int >= 1"),
        (Annotated[int, pydantic.Field(gt=0)], 0, False, "Input should be greater than 0"),
        (pathlib.Path, 3, False, "str"),
        (pd.DataFrame, "text", False, "Expected rows or columns for a DataFrame"),
        (pd.DataFrame, {"a": 1}, False, "scalar values"),
        (np.ndarray, {"a": 1}, False, "Expected an array of numbers"),
        (np.ndarray, [{"a": 1}], False, "Expected an array of numbers, all rows of one length"),
        (complex, [1, 2, 3], False, "complex"),
    ],
)
def test_what_does_not_fit_says_why(hint: Any, value: Any, lax: bool, message: str) -> None:
    """The error has one problem with its path and what was expected."""
    with pytest.raises(PayloadValidationError) as caught:
        Converter("x", hint).convert(value, "x", lax)
    (problem,) = caught.value.problems
    assert problem.field == "x"
    assert message in problem.message


def test_tables_are_built_from_records_or_columns() -> None:
    """pandas and polars frames, alone, optional and inside a class."""
    records = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
    assert Converter("x", pd.DataFrame).convert(records, "").equals(pd.DataFrame(records))
    assert Converter("x", Optional[pl.DataFrame]).convert({"a": [1, 2]}, "").to_dicts() == [{"a": 1}, {"a": 2}]
    assert Converter("x", pd.Series).decode(b"[1, 2]").tolist() == [1, 2]

    @dataclass
    class Job:
        table: pd.DataFrame
        where: pathlib.Path

    job = Converter("x", Job).decode(b'{"table": [{"a": 1}], "where": "a/b"}')
    assert (job.table.shape, job.where) == ((1, 1), pathlib.Path("a/b"))


def test_a_frame_that_cannot_be_built_is_an_error() -> None:
    """polars raises errors of its own kind, which are the client's fault all the same."""
    with pytest.raises(PayloadValidationError) as caught:
        Converter("x", pl.DataFrame).convert({"a": [1, 2], "b": [1, 2, 3]}, "table")
    assert caught.value.problems[0].field == "table"


def test_arrays_have_the_hinted_dtype() -> None:
    """`np.ndarray` takes what comes, `NDArray[np.float32]` makes it so."""
    assert Converter("x", np.ndarray).convert([[1, 2], [3, 4]], "").shape == (2, 2)
    assert Converter("x", numpy.typing.NDArray[np.float32]).convert([1, 2], "").dtype == np.float32
    assert Converter("x", numpy.typing.NDArray[np.floating]).convert([1.5], "").dtype == np.float64


class Opaque:
    pass


class Holder(msgspec.Struct):
    inner: dict[str, Opaque]


class HasOpaque(TypedDict):
    inner: Opaque


class Unresolved(msgspec.Struct):
    inner: "NoSuchName"  # noqa: F821


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
    n: int


@pytest.mark.parametrize(
    ("hint", "reason"),
    [
        (Opaque, "Opaque cannot be made from JSON"),
        (list[Opaque], "Opaque cannot be made from JSON"),
        (Holder, "Opaque cannot be made from JSON"),
        (HasOpaque, "Opaque cannot be made from JSON"),
        (Optional[Opaque], "Opaque cannot be made from JSON"),
        (Unresolved, "name 'NoSuchName' is not defined"),
        (Union[datetime.date, str], "more than one str-like type"),
        (Union[Model, Opaque], "Unable to generate pydantic-core schema"),
        (3, "3"),
    ],
)
def test_a_hint_that_nothing_converts_to_is_refused_by_name(hint: Any, reason: str) -> None:
    """The error comes at load, before any call, and has the parameter, its hint, and the reason."""
    with pytest.raises(SignatureError) as caught:
        Converter("thing", hint)
    assert "the hint of argument 'thing' is " in caught.value.message
    assert reason in caught.value.message
    assert "no hint" in caught.value.hint


def test_annotated_types_go_to_pydantic() -> None:
    """Constraints that msgspec would overlook are pydantic's, where the user has it."""
    converter = Converter("x", Annotated[int, annotated_types.Gt(3)])
    assert converter.pydantic
    with pytest.raises(PayloadValidationError):
        converter.convert(3, "x")


def test_values_that_are_no_json_reach_pydantic_as_they_are() -> None:
    """A job hands over objects: a model, bytes, a date."""

    class Data(pydantic.BaseModel):
        raw: bytes
        day: datetime.date

    assert Converter("x", Data).convert({"raw": b"\xff", "day": DAY}, "") == Data(raw=b"\xff", day=DAY)


def test_a_users_own_error_is_not_the_clients() -> None:
    """A dataclass that refuses a value is a problem of the field; one that breaks is a failure."""

    @dataclass
    class Picky:
        n: int

        def __post_init__(self) -> None:
            if self.n == 1:
                raise ValueError("must not be 1")
            if self.n == 2:
                raise KeyError("broken")

    converter = Converter("x", Picky)
    with pytest.raises(PayloadValidationError, match="p: must not be 1"):
        converter.convert({"n": 1}, "p")
    with pytest.raises(KeyError):
        converter.convert({"n": 2}, "p")


def test_schemas_name_what_they_refer_to() -> None:
    """Both libraries give JSON Schema with references by our template."""

    class Inner(pydantic.BaseModel):
        n: int

    class Outer(pydantic.BaseModel):
        inner: Inner

    result, named = Converter("x", Outer).schema("#/c/{name}")
    assert result["properties"]["inner"] == {"$ref": "#/c/Inner"}
    assert set(named) == {"Inner"}
    result, named = Converter("x", list[Holding]).schema("#/c/{name}")
    assert result["items"] == {"$ref": "#/c/Holding"}
    assert named["Holding"]["properties"]["table"]["description"] == "DataFrame"


class Holding(msgspec.Struct):
    table: pd.DataFrame
    where: pathlib.Path


def test_json_is_parsed_or_malformed() -> None:
    """The text of the error says where, and nothing of the inside."""
    assert parse_json(b'{"a": [1]}') == {"a": [1]}
    with pytest.raises(MalformedPayloadError, match=r"the JSON is malformed: .*byte 1"):
        parse_json(b"{x")
    for number in (b"9" * 5000, b"1e999"):
        with pytest.raises(MalformedPayloadError, match=r"out of range$"):
            parse_json(b"[" + number + b"]")
    with pytest.raises(MalformedPayloadError, match="nested too deeply"):
        parse_json(b"[" * 100_000)


@pytest.mark.parametrize(("body", "words"), [
    (b"", "the JSON is empty"), (b" \n\t", "white space only"),
    (b'{"a": "\\ud83d"}', "`\\ud83d`, a lone surrogate"),
    (b'"\\\\\\uD83Dx"', "a lone surrogate"),
    (b'"\\udc00"', "surrogate"), (b'{"a": 1', "truncated"), (b"{'a': 1}", "malformed"),
])  # fmt: skip
def test_malformed_json_says_what_is_wrong(body: bytes, words: str) -> None:
    """White space and half of a surrogate pair are not called cut off."""
    with pytest.raises(MalformedPayloadError) as caught:
        parse_json(body)
    assert words in caught.value.message


def test_whole_numbers_in_texts_that_are_well() -> None:
    """A pair of surrogates, and one whose backslash is escaped, are text."""
    assert parse_json(b'["\\ud83d\\ude00", "\\\\ud83d"]') == ["\U0001f600", "\\ud83d"]


class Whole(msgspec.Struct):
    n: int
    x: float = 0.0


@dataclass
class WholeData:
    n: int
    parts: list[int]


@pytest.mark.parametrize(("hint", "value", "expected"), [
    (int, 2.0, 2), (int, -0.0, 0), (int, 1e3, 1000), (list[int], [1, 2.0], [1, 2]),
    (dict[str, int], {"a": 2.0}, {"a": 2}),
    (Whole, {"n": 2.0, "x": 3.0}, Whole(2, 3.0)), (WholeData, {"n": 2.0, "parts": [1.0]}, WholeData(2, [1])),
    (int | None, 2.0, 2), (int | str, 2.0, 2), (tuple[int, float], [2.0, 3.0], (2, 3.0)), (float, 2.0, 2.0),
    (Any, 2.0, 2.0),
])  # fmt: skip
def test_a_whole_number_is_an_integer(hint: Any, value: Any, expected: Any) -> None:
    """`2.0` is an integer in JSON Schema, wherever an `int` is meant; a float stays one where a float is meant."""
    result = Converter("x", hint).convert(value, "x")
    assert (result, type(result)) == (expected, type(expected))


@pytest.mark.parametrize(("hint", "value", "field"), [
    (int, 2.5, "x"), (int, 1e300, "x"), (list[int], [2.0, 2.5], "x[1]"), (Whole, {"n": 2.5}, "x.n"), (int, "2.0", "x"),
])  # fmt: skip
def test_what_is_no_whole_number(hint: Any, value: Any, field: str) -> None:
    """A fraction, a number beyond 64 bits and text are refused, and only the wrong fields are named."""
    with pytest.raises(PayloadValidationError) as caught:
        Converter("x", hint).convert(value, "x")
    assert [problem.field for problem in caught.value.problems] == [field]
