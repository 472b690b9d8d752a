"""A card: what is shown of one thing, before it becomes HTML or text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple


class Fields(NamedTuple):
    """Names with their values, such as parameters."""

    title: str
    values: Mapping[str, Any]


class Curves(NamedTuple):
    """Metrics by name: a number, or a series of numbers, in which `NaN` and the like may be text."""

    title: str
    metrics: Mapping[str, Any]


class Grid(NamedTuple):
    """Rows of cells below their columns; `note` says what was left out, and the shape of a table."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    note: str = ""


class Text(NamedTuple):
    """Text in lines, such as a log or a traceback; it is folded unless `is_open`."""

    title: str
    text: str
    is_open: bool = False


class Picture(NamedTuple):
    """A picture, whole, and its media type. A terminal shows nothing of it."""

    title: str
    content: bytes
    media_type: str


Part = Fields | Curves | Grid | Text | Picture


class Card(NamedTuple):
    """What is shown of one thing: its kind (`Run`), its name, its state, facts in a line, and parts below these."""

    kind: str
    name: str
    state: str = ""
    facts: Mapping[str, Any] = MappingProxyType({})
    parts: Sequence[Part] = ()


def select_parts(parts: Sequence[Part]) -> list[Part]:
    """Return the parts that hold something."""
    return [part for part in parts if part[1] or (isinstance(part, Grid) and part.rows)]
