"""Dataclasses that were made from a payload have all their fields, defaults too."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Generic, TypeVar

import msgspec
import pytest

from ovenbird.function.binder import Binder
from ovenbird.function.dataclass_defaults import holds_dataclass

T = TypeVar("T")


@dataclass
class Part:
    name: str
    count: int = 1
    tags: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Whole:
    parts: list[Part]
    spare: Part | None = None


@dataclass(slots=True)
class Slotted:
    name: str
    count: int = 1


class Box(msgspec.Struct):
    part: Part
    inner: Box | None = None


@dataclass
class Pair(Generic[T]):
    first: T
    count: int = 1


class Crate(msgspec.Struct, Generic[T]):
    content: T
    part: Part


def generic(pair: Pair[int], crates: list[Crate[str]]) -> None: ...
def whole(whole: Whole) -> None: ...
def two(part: Part, more: dict[str, Part], slotted: Slotted, box: Box) -> None: ...


@pytest.mark.parametrize("text", [b'{"parts": [{"name": "a"}]}'])
def test_nested(text: bytes) -> None:
    """Defaults are attributes of the object's own, at every depth, on the fast way and on the slow one."""
    binder = Binder(whole)
    for result in (binder.from_json(text), binder.from_object(msgspec.json.decode(text))):
        assert vars(result["whole"]).keys() == {"parts", "spare"}
        assert vars(result["whole"].parts[0]) == {"name": "a", "count": 1, "tags": []}


def test_fields() -> None:
    """The same goes for several parameters, in mappings, structs and classes with slots."""
    data = {
        "part": {"name": "a"},
        "more": {"x": {"name": "b"}},
        "slotted": {"name": "c"},
        "box": {"part": {"name": "d"}},
    }
    result = Binder(two).from_json(msgspec.json.encode(data))
    assert msgspec.to_builtins(result) == {
        "part": {"name": "a", "count": 1, "tags": []},
        "more": {"x": {"name": "b", "count": 1, "tags": []}},
        "slotted": {"name": "c", "count": 1},
        "box": {"part": {"name": "d", "count": 1, "tags": []}, "inner": None},
    }


def test_generic_classes() -> None:
    """A class with parameters keeps its defaults too, and so does what a generic struct holds."""
    data = {"pair": {"first": 3}, "crates": [{"content": "x", "part": {"name": "a"}}]}
    result = Binder(generic).from_json(msgspec.json.encode(data))
    assert msgspec.to_builtins(result) == {
        "pair": {"first": 3, "count": 1},
        "crates": [{"content": "x", "part": {"name": "a", "count": 1, "tags": []}}],
    }


@pytest.mark.parametrize(("hint", "expected"), [
    (int, False), (dict[str, int], False), (Part, True), (list[Part], True), (Part | None, True), (Box, True),
    (Pair[int], True), (list[Pair[int]], True), (Crate[str], True), (Annotated[Pair[int], "note"], True),
])  # fmt: skip
def test_holds_dataclass(hint: object, expected: bool) -> None:
    """Only handlers whose hints hold a dataclass pay for it."""
    assert holds_dataclass(hint) is expected
