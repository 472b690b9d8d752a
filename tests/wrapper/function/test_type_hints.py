"""Questions about hints."""

# ruff: noqa: UP007, UP045 (users write hints in both ways, so both are tested)

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal, NewType, Optional, TypedDict, Union

import fastapi
import msgspec
import pydantic
import pytest
import starlette.datastructures
import typing_extensions
from tests.loading import Project

from ovenbird.function import type_hints
from ovenbird.function.binder import Binder

if TYPE_CHECKING:
    from somewhere import Thing


def typed(a: int, b: Thing, c: list[Thing], d: Optional[Decimal] = None) -> str: ...


def test_an_unresolvable_hint_is_ignored() -> None:
    """A name that exists for type checkers only, alone or inside another hint; the other hints stay."""
    assert type_hints.hints_of(typed) == {"a": int, "d": Optional[Decimal], "return": str}
    assert Binder(typed).from_json(b'{"a": 1, "b": {"x": 1}, "c": 5}')["b"] == {"x": 1}


def test_hints_without_postponed_evaluation_may_be_text(project: Project) -> None:
    """Quoted hints, some of which do not resolve, in a module of the user's."""
    handler = project.handler(
        'def handler(a: "int", b: "list[Missing]", c: list["Missing"], d: "Missing | None" = None): ...'
    )
    assert handler.binder.from_fields([("a", "1"), ("b", "2"), ("c", "3")]) == {"a": 1, "b": "2", "c": "3"}


def test_quoted_names_inside_hints_resolve(project: Project) -> None:
    """`list["Item"]` is a list of items, also on Python 3.10, which by itself leaves the text as it is."""
    handler = project.handler(
        "import dataclasses\n@dataclasses.dataclass\nclass Item:\n    n: int\n"
        "def handler(items: list['Item'], by: dict[str, list['Item']]): ...\n"
    )
    result = handler.binder.from_json(b'{"items": [{"n": 1}], "by": {"a": [{"n": 2}]}}')
    assert (result["items"][0].n, result["by"]["a"][0].n) == (1, 2)


class Callable_:
    def __init__(self, size: int) -> None: ...

    def __call__(self, n: int) -> float: ...


def test_hints_are_found_behind_each_kind_of_callable() -> None:
    """A class has those of its constructor, an object those of its call, a partial those of its function."""
    assert type_hints.hints_of(Callable_)["size"] is int
    assert type_hints.hints_of(Callable_(1)) == {"n": int, "return": float}
    assert type_hints.hints_of(Callable_(1).__call__)["n"] is int
    assert type_hints.hints_of(functools.partial(functools.lru_cache(typed), 1))["a"] is int
    assert type_hints.hints_of(dict.get) == {}


Id = NewType("Id", int)


def test_wrappers_are_stripped() -> None:
    """Annotated, NewType and optional hints ask for what is inside."""
    assert type_hints.strip(Annotated[Id, "doc"]) is int
    assert type_hints.unwrap_optional(Optional[Annotated[Id, 1]]) is int
    assert type_hints.unwrap_optional(int | None) is int
    assert type_hints.unwrap_optional(int | str | None) == int | str | None
    assert type_hints.unwrap_optional(type(None)) is type(None)


def test_type_aliases_are_stripped() -> None:
    """`type Number = int` is a number."""
    assert type_hints.unwrap_optional(typing_extensions.TypeAliasType("Number", int)) is int
    assert type_hints.is_scalar(typing_extensions.TypeAliasType("Number", Id))


@pytest.mark.parametrize(
    ("hint", "scalar"),
    [
        (int, True),
        (str | None, True),
        (Literal["a"], True),
        (Id, True),
        (Decimal, True),
        (bool | int, True),
        (Annotated[float, "x"], True),
        (dict, False),
        (list[int], False),
        (int | list[int], False),
        (Any, False),
    ],
)
def test_scalars_are_fields(hint: Any, scalar: bool) -> None:
    """A lone parameter of a scalar hint is a field, of any other the payload."""
    assert type_hints.is_scalar(hint) is scalar


@pytest.mark.parametrize(
    ("hint", "many"),
    [(list[int], True), (Optional[Sequence[str]], True), (set, True), (tuple[int, ...], True),
     (str, False), (dict[str, int], False), (Any, False)],
)  # fmt: skip
def test_some_hints_take_several_values(hint: Any, many: bool) -> None:
    """Repeated fields of a query go into lists, sets and tuples."""
    assert type_hints.is_many(hint) is many


@pytest.mark.parametrize("kind", [starlette.datastructures.UploadFile, fastapi.UploadFile])
def test_uploads_are_recognised_by_name(kind: Any) -> None:
    """Starlette's and FastAPI's UploadFile, alone, annotated, optional, in a list."""
    for hint in (kind, Annotated[kind, fastapi.File()], kind | None, list[kind], list[kind] | None):
        assert type_hints.is_upload(hint)
    assert type_hints.is_list(list[kind] | None)
    assert not type_hints.is_upload(list[int])
    assert not type_hints.is_upload(type("UploadFile", (), {}))


def test_none_fits_some_hints() -> None:
    """Optional hints and no hint take null."""
    assert [type_hints.takes_none(hint) for hint in (Any, int | None, None, type(None), Union[int, Any], int)] == [
        True, True, True, True, True, False,
    ]  # fmt: skip


class Model(pydantic.BaseModel):
    first: list[int] = pydantic.Field(alias="First")


class Renamed(msgspec.Struct, rename="camel"):
    first_name: str


class Typed(TypedDict, total=False):
    n: int
    m: typing_extensions.Required[list[int]]


@dataclass
class Data:
    n: int


def test_fields_of_classes_have_their_names_in_json() -> None:
    """Aliases and renamed fields; a class without fields has none."""
    assert type_hints.field_hints(Model) == {"First": list[int]}
    assert type_hints.field_hints(Renamed) == {"firstName": str}
    assert type_hints.field_hints(Data) == {"n": int}
    assert set(type_hints.field_hints(Typed)) == {"n", "m"}
    assert type_hints.field_hints(int) == type_hints.field_hints(Any) == {}


def test_pydantic_is_found_at_any_depth() -> None:
    """A hint that holds a model, or a constraint of pydantic's, is pydantic's."""
    for hint in (Model, list[Model], Model | None, dict[str, Annotated[int, pydantic.Field(gt=1)]], pydantic.SecretStr):
        assert type_hints.mentions_pydantic(hint)
    for hint in (int, Data, list[Data], Annotated[int, msgspec.Meta(gt=1)], Literal["pydantic"]):
        assert not type_hints.mentions_pydantic(hint)


def test_hints_are_printed_as_written() -> None:
    """Messages and `check` print a hint as the source has it."""
    assert [type_hints.hint_text(hint) for hint in (int, Any, list[int], int | None)] == [
        "int",
        "any",
        "list[int]",
        "int | None",
    ]
