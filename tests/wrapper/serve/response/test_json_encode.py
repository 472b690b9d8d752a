"""Values of every kind as JSON, from a real service: alone, within a list, and as keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.raw import run_service
from tests.service import Service

SOURCE = """
import collections, datetime as dt, decimal, enum, pathlib, types, uuid
import msgspec, numpy as np, pandas as pd, polars as pl, markupsafe, pydantic
from dataclasses import dataclass
from starlette.responses import Response

class Text(str): pass
class Integer(int): pass
class Float(float): pass
class Bytes(bytes): pass
class Moment(dt.datetime): pass
class Day(dt.date): pass
class Hour(dt.time): pass
class Duration(dt.timedelta):
    @property
    def days(self):
        return 99
class Amount(decimal.Decimal): pass
class Identity(uuid.UUID): pass
class Half(enum.Enum):
    HALF = 0.5
class HalfFloat(float, enum.Enum):
    HALF = 0.5
class Nothing(enum.Enum):
    NOTHING = None
class Row(msgspec.Struct):
    a: object
@dataclass
class Point:
    a: object
UTC = dt.timezone.utc

def handler(expression: str):
    return eval(expression)
"""

# what the value is, and what is sent for it
VALUES: list[tuple[str, Any]] = [
    # subclasses of what JSON, or Python, has
    ("Integer(7)", 7),
    ("Float(0.5)", 0.5),
    ("Float('nan')", None),
    ("Moment(2024, 2, 29, 12)", "2024-02-29T12:00:00"),
    ("Moment(2024, 2, 29, 12, 0, 0, 5, UTC)", "2024-02-29T12:00:00.000005Z"),
    ("Day(2024, 2, 29)", "2024-02-29"),
    ("Hour(12, 30)", "12:30:00"),
    ("Duration(1)", "P1D"),
    ("dt.timedelta(days=1)", "P1D"),
    ("Amount('1.10')", "1.10"),
    ("Identity(int=1)", "00000000-0000-0000-0000-000000000001"),
    ("Half.HALF", 0.5),
    ("HalfFloat.HALF", 0.5),
    ("Nothing.NOTHING", None),
    ("collections.deque([1, 2])", [1, 2]),
    ("range(3)", [0, 1, 2]),
    ("{'a': 1}.values()", [1]),
    ("{'a': 1}.keys()", ["a"]),
    ("types.MappingProxyType({'a': Integer(1)})", {"a": 1}),
    # keys
    ("{None: 1, True: 2, False: 3}", {"null": 1, "true": 2, "false": 3}),
    ("{Text('a'): 1, Integer(1): 2, Half.HALF: 3}", {"a": 1, "1": 2, "0.5": 3}),
    ("{np.int64(2): 1, np.float64(0.5): 2, np.bool_(True): 3, np.str_('a'): 4}", {"2": 1, "0.5": 2, "true": 3, "a": 4}),
    ("{pd.Timestamp('2024-02-29'): 1, dt.date(2024, 2, 29): 2}", {"2024-02-29T00:00:00": 1, "2024-02-29": 2}),
    ("pd.Series([1, 2]).groupby([True, False]).sum().to_dict()", {"false": 2, "true": 1}),
    ("[Row({None: Half.HALF}), Point({True: pd.NaT})]", [{"a": {"null": 0.5}}, {"a": {"true": None}}]),
    ("{'a': 2**70, None: float('inf'), 'b': Integer(1)}", {"a": 2**70, "null": None, "b": 1}),
    # pandas
    ("pd.Timestamp('2024-02-29T12:30')", "2024-02-29T12:30:00"),
    ("pd.Timestamp('2024-02-29T12:30', tz='UTC')", "2024-02-29T12:30:00Z"),
    ("pd.Timestamp('2024-02-29T12:30', tz='Europe/Rome')", "2024-02-29T12:30:00+01:00"),
    ("pd.Timestamp('2024-02-29T12:30:00.123456789')", "2024-02-29T12:30:00.123456789"),
    ("pd.NaT", None),
    ("pd.NA", None),
    ("pd.Timedelta(days=1, seconds=2)", "P1DT2S"),
    ("pd.Timedelta(1, 'ns')", "PT0.000000001S"),
    ("pd.Period('2024-02')", "2024-02"),
    ("pd.Series([dt.date(2024, 2, 29), None])", ["2024-02-29", None]),
    ("pd.Series(['2024-02-29', None], dtype='datetime64[ns]')", ["2024-02-29T00:00:00", None]),
    ("pd.Series(pd.to_datetime(['2024-02-29']).tz_localize('UTC'))", ["2024-02-29T00:00:00Z"]),
    ("pd.Series([1, None], dtype='Int64')", [1, None]),
    ("pd.Series(['a', None], dtype='category')", ["a", None]),
    ("pd.Index([1, 2])", [1, 2]),
    ("pd.date_range('2024-02-29', periods=1)", ["2024-02-29T00:00:00"]),
    ("pd.array([True, None], dtype='boolean')", [True, None]),
    # numpy
    ("np.longdouble(0.5)", 0.5),
    ("np.longdouble('inf')", None),
    ("np.float32(0.5)", 0.5),
    ("np.array([0.5, np.nan], dtype=np.longdouble)", [0.5, None]),
    ("np.datetime64('2024-02-29')", "2024-02-29"),
    ("np.datetime64('2024-02-29T12:30', 's')", "2024-02-29T12:30:00"),
    ("np.datetime64('2024-02-29T12:30', 'ns')", "2024-02-29T12:30:00"),
    ("np.datetime64('2024-02-29T12:30:00.000005', 'ns')", "2024-02-29T12:30:00.000005"),
    ("np.datetime64('2024-02-29T12:30:00.000000001', 'ns')", "2024-02-29T12:30:00.000000001"),
    ("np.datetime64('12024-02-29')", "12024-02-29"),
    ("np.datetime64('NaT')", None),
    ("np.datetime64('NaT', 'ns')", None),
    ("np.timedelta64(1, 'D')", "P1D"),
    ("np.timedelta64(1500000000, 'ns')", "PT1.5S"),
    ("np.timedelta64('NaT', 'ns')", None),
    ("np.array(['2024-02-29', 'NaT'], dtype='M8[ns]')", ["2024-02-29T00:00:00", None]),
    ("np.array(['2024-02-29', 'NaT'], dtype='M8[s]')", ["2024-02-29T00:00:00", None]),
    ("np.array([['2024-02-29'], ['2024-02-29T00:00:00.000000001']], dtype='M8[ns]')",
     [["2024-02-29T00:00:00"], ["2024-02-29T00:00:00.000000001"]]),
    ("np.array('2024-02-29', dtype='M8[ns]')", "2024-02-29T00:00:00"),
    ("np.array([], dtype='M8[ns]')", []),
]  # fmt: skip


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("values")
    (folder / "main.py").write_text(SOURCE)
    with run_service(tmp_path_factory, f"{folder / 'main.py'}:handler", "--log-format", "json") as service:
        yield service


@pytest.mark.slow
@pytest.mark.parametrize("form", ["{}", "[{}]", '{{"a": ({},)}}'])
@pytest.mark.parametrize(("expression", "expected"), VALUES)
def test_value(values: Service, expression: str, expected: Any, form: str) -> None:
    """A value has one form, alone and within others."""
    answer = values.call({"expression": form.format(expression)})
    assert (answer.status_code, answer.headers.get("content-type")) == (200, "application/json")
    assert answer.json() == {"{}": expected, "[{}]": [expected]}.get(form, {"a": [expected]})


@pytest.mark.slow
@pytest.mark.parametrize("expression", ["Text('a<b')", "markupsafe.Markup('a<b')", "np.str_('a<b')"])
def test_text(values: Service, expression: str) -> None:
    """A subclass of `str` is text alone, and a JSON string within others."""
    answer = values.call({"expression": expression})
    assert (answer.text, answer.headers["content-type"]) == ("a<b", "text/plain; charset=utf-8")
    assert values.call({"expression": f"[{expression}]"}).json() == ["a<b"]


def test_bytes(values: Service) -> None:
    """A subclass of `bytes` is bytes alone, and base64 within others."""
    assert values.call({"expression": "Bytes(b'x')"}).content == b"x"
    assert values.call({"expression": "[Bytes(b'x'), np.bytes_(b'x')]"}).json() == ["eA==", "eA=="]


COLUMN_VALUES = [
    "[1.2345678901234567e-12, 0.1 + 0.2, float('nan'), None]",
    "[1e300, -0.0, float('inf')]",
    "[2**53 + 1, -(2**63)]",
    "[dt.datetime(2024, 2, 29, 12, 30, 0, 123456), None]",
    "[dt.datetime(2024, 2, 29, 12, tzinfo=UTC)]",
    "[dt.date(2024, 2, 29), None]",
    "[dt.time(12, 30, 0, 5)]",
    "[dt.timedelta(days=1, microseconds=5), None]",
    "['a', 'ü', None]",
    "[True, False]",
    "[decimal.Decimal('1.10')]",
    "[b'x']",
    "[[1, 2], [3]]",
    "[{'a': 1}]",
]


@pytest.mark.parametrize("package", ["pd", "pl"])
@pytest.mark.parametrize("column", COLUMN_VALUES)
def test_table_has_the_values_of_a_list(values: Service, package: str, column: str) -> None:
    """A table's values are written exactly as a plain list of the same values is, byte by byte, also within others."""
    frame = f"{package}.DataFrame({{'x': {column}}})"
    plain = values.call({"expression": f"[{{'x': value}} for value in {column}]"}).content
    assert values.call({"expression": frame}).content == plain
    assert values.call({"expression": f"{{'rows': {frame}}}"}).content == b'{"rows":' + plain + b"}"


TABLES: list[tuple[str, Any]] = [
    ("pd.DataFrame({'x': [1, None]}, dtype='Int64')", [{"x": 1}, {"x": None}]),
    ("pd.DataFrame({'x': pd.to_datetime(['2024-02-29T00:00:00.000000001'])})",
     [{"x": "2024-02-29T00:00:00.000000001"}]),
    ("pd.DataFrame({0: [1], None: [2]}, dtype=object)", [{"0.0": 1, "nan": 2}]),
    ("pd.DataFrame({1: [1], 'b c': [2]})", [{"1": 1, "b c": 2}]),
    ("pd.DataFrame({('a', 'b'): [1]})", [{"('a', 'b')": 1}]),
    ("pd.DataFrame({'n': [2**70]})", [{"n": 2**70}]),
    ("pd.DataFrame(index=[1, 2])", [{}, {}]),
    ("pd.DataFrame({'a': []})", []),
    ("pl.DataFrame()", []),
    ("pl.DataFrame({'x': [1, None]}, schema={'x': pl.Datetime('ns')})",
     [{"x": "1970-01-01T00:00:00.000000001"}, {"x": None}]),
    ("pl.DataFrame({'x': [1000]}, schema={'x': pl.Datetime('ns')})", [{"x": "1970-01-01T00:00:00.000001"}]),
    ("pl.DataFrame({'x': [1, None]}, schema={'x': pl.Duration('ns')})", [{"x": "PT0.000000001S"}, {"x": None}]),
    ("pl.DataFrame({'x': [1, None]}, schema={'x': pl.Time})", [{"x": "00:00:00.000000001"}, {"x": None}]),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "expected"), TABLES)
def test_table(values: Service, expression: str, expected: Any) -> None:
    """Missing values are null, nanoseconds stay, and names of columns become text."""
    answer = values.call({"expression": expression})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert json.loads(answer.content) == expected


@pytest.mark.parametrize(("expression", "logged"), [
    ("[1j]", "a builtins.complex is not JSON serializable"),
    ("np.complex64(1)", "a numpy.complex64, which no rule"),
    ("{(1, 2): 1}", "a tuple cannot be a key of a JSON object"),
    ("{frozenset(): 1}", "a frozenset cannot be a key of a JSON object"),
    ("pd.DataFrame([[1, 2]], columns=['a', 'a'])", "two columns of one name"),
    ("[{'a': 'x' + chr(0xdcff)}]", "holds '\\\\udcff', half of a surrogate pair"),
    ("{chr(0xd800): 1}", "holds '\\\\ud800', half of a surrogate pair"),
])  # fmt: skip
def test_what_json_cannot_hold(values: Service, expression: str, logged: str) -> None:
    """A value that JSON would lose is a 500, and the log has the value's type or place."""
    assert values.call({"expression": expression}).status_code == 500
    values.wait_log(logged)
