"""Any value that user code puts into a record becomes JSON."""

from __future__ import annotations

import datetime
import decimal
import enum
import math
import uuid
from collections import OrderedDict, deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy
import pandas
import pydantic
import pytest

from ovenbird.platform.entities.json_values import json_value
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.project.project import Project


class Color(enum.Enum):
    RED = numpy.int64(3)


@dataclass
class Point:
    x: Any
    y: Any = None


class Model(pydantic.BaseModel):
    at: datetime.date


class Rude:
    def __repr__(self) -> str:
        raise ValueError("no")


class Loud(str):
    def __str__(self) -> str:
        raise ValueError("no")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (numpy.float32(0.5), 0.5),
        (numpy.bool_(True), True),
        (numpy.array([[1, 2]]), [[1, 2]]),
        (numpy.datetime64("2024-01-02"), "2024-01-02"),
        (numpy.zeros(20_000), "array of shape (20000,), float64"),
        (pandas.Timestamp("2024-01-02"), "2024-01-02T00:00:00"),
        ({numpy.int64(5): numpy.float64(1), None: 1, False: 2, 1.5: 3}, {"5": 1, "null": 1, "false": 2, "1.5": 3}),
        (OrderedDict(a=deque([1]), b=(2,), c={3}, d=range(2)), {"a": [1], "b": [2], "c": [3], "d": [0, 1]}),
        ("\ud83d", "\\ud83d"),
        ({"\udcff": ["a\udcff"]}, {"\\udcff": ["a\\udcff"]}),
        (Loud("a"), "a"),
        (10**30, str(10**30)),
        (datetime.datetime(2024, 1, 2, 3), "2024-01-02T03:00:00"),
        (datetime.timedelta(seconds=90), "0:01:30"),
        (decimal.Decimal("1.10"), "1.10"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Path("/a/b"), "/a/b"),
        (b"\xff", "/w=="),
        (Color.RED, 3),
        (Point(Point(1)), {"x": {"x": 1, "y": None}, "y": None}),
        (Model(at=datetime.date(2024, 1, 2)), {"at": "2024-01-02"}),
        (int, "<class 'int'>"),
        (Point, f"<class '{__name__}.Point'>"),
        (Rude(), "<Rude>"),
        ({"a": Rude()}, {"a": "<Rude>"}),
    ],
)
def test_json_values(value: Any, expected: Any) -> None:
    """Each value becomes its obvious equivalent, which JSON accepts."""
    converted = json_value(value)
    assert converted == expected
    assert msgspec.json.decode(msgspec.json.encode(converted)) == converted


def test_not_a_number_stays_a_number() -> None:
    """JSON writes it as null; a text in its place would not be a number for those who read the record here."""
    assert math.isnan(json_value({"a": math.nan})["a"])


def test_a_value_that_contains_itself() -> None:
    """A cycle, and a nesting deeper than any JSON reader takes, end as text."""
    cycle: dict[str, Any] = {"a": 1}
    cycle["self"] = cycle
    assert json_value(cycle) == {"a": 1, "self": "<a value that holds itself>"}
    deep: Any = 1
    for _ in range(10_000):
        deep = [deep]
    assert msgspec.json.encode(json_value(deep))


def test_any_option_of_an_entity_is_recorded(project: Project, store: LocalStore, tmp_path: Path) -> None:
    """Scalars of numpy, arrays, dates and paths in a model's spec and metrics."""
    (tmp_path / "m.bin").write_bytes(b"x")
    model = project.log_model(
        "m", source=str(tmp_path / "m.bin"),
        parameters={"alpha": numpy.float64(0.5), "when": datetime.date(2024, 1, 2)},
        grid=numpy.array([1, 2]), place=tmp_path, algorithm="A\ud83d",
    )  # fmt: skip
    model.log_metrics({"score": numpy.float32(0.5), "curve": numpy.array([1, 2])})
    again = project.get_model("m")
    assert again.spec.parameters == {"alpha": 0.5, "when": "2024-01-02"}
    assert (again.spec.grid, again.spec.place, again.spec.algorithm) == ([1, 2], str(tmp_path), "A\\ud83d")
    assert again.status.metrics == {"score": 0.5, "curve": [1.0, 2.0]}
