"""Parameters are converted to their hints; inputs are entities, or what their hints ask for."""

from __future__ import annotations

import dataclasses
import datetime
import enum
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import msgspec
import numpy
import pandas
import polars
import pytest
from numpy.typing import NDArray
from tests.jobs import Jobs
from tests.stores import send_reply

from ovenbird.common.setting_values import RawArgument, RawJson
from ovenbird.errors import ArgumentsError, InputError
from ovenbird.function.binder import JOB, Binder
from ovenbird.job.arguments import check_names, convert, parse_plain
from ovenbird.job.inputs import read
from ovenbird.platform.entities.file_entity import Artifact, Dataitem, FileEntity
from ovenbird.platform.project.project import Project


class Color(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class City:
    name: str
    people: int = 0


def _binder(hint: Any, **kinds: Any) -> Binder:
    def handler(x, **rest): ...

    handler.__annotations__ = {"x": hint}
    return Binder(handler, JOB, fields_only=True)


class Meter:
    """A class of the user's, which no JSON makes."""


class Reader(Protocol):
    def read(self) -> bytes: ...


_TABLE, _POINTS = pandas.DataFrame({"a": [1]}), numpy.zeros(2, numpy.float32)
_OBJECTS = [
    (pandas.DataFrame, _TABLE), (pandas.DataFrame | None, _TABLE), (pandas.Series, _TABLE["a"]),
    (polars.DataFrame, polars.DataFrame({"a": [1]})), (numpy.ndarray, _POINTS), (NDArray[numpy.float32], _POINTS),
    (pandas.Timestamp, pandas.Timestamp("2024-01-31")), (datetime.datetime, pandas.Timestamp("2024-01-31")),
    (Meter, Meter()), (Meter | None, Meter()), (list[Meter], [Meter()]), (dict[str, Meter], {"m": Meter()}),
    (tuple[Meter, int], (Meter(), 1)), (type[Meter], Meter), (Callable[[int], int], abs), (Reader, Meter()),
    (numpy.int64, numpy.int64(3)), (pandas.DataFrame | str, "cities.csv"), (pandas.DataFrame | Meter, _TABLE),
]  # fmt: skip


@pytest.mark.parametrize(("hint", "value"), _OBJECTS)
def test_an_instance_of_the_hint_is_passed_unchanged(hint: Any, value: Any) -> None:
    """An object of this process that fits its hint reaches the function itself."""
    assert convert(_binder(hint), {"x": value})["x"] is value


@pytest.mark.parametrize("hint", [list[pandas.DataFrame], dict[str, pandas.DataFrame]])
def test_tables_in_a_collection_are_passed_unchanged(hint: Any) -> None:
    """The collection may be another one; its tables are the same."""
    value = [_TABLE] if hint == list[pandas.DataFrame] else {"t": _TABLE}
    converted = convert(_binder(hint), {"x": value})["x"]
    assert type(converted) is type(value)
    assert next(iter(converted.values() if isinstance(converted, dict) else converted)) is _TABLE


@pytest.mark.parametrize(
    ("hint", "value", "expected"),
    [
        (float, numpy.float32(1.5), 1.5), (float, numpy.int64(1), 1.0), (int, numpy.int64(1), 1),
        (bool, numpy.bool_(True), True), (list[int], [numpy.int8(1), 2], [1, 2]),
        (dict[str, float], {"a": numpy.float32(0.5)}, {"a": 0.5}), (NDArray[numpy.float32], numpy.ones(1), [1.0]),
        (numpy.int64, 3, 3), (numpy.int64, RawArgument("3"), 3), (numpy.int64, 3.0, 3), (numpy.float32, 1, 1.0),
        (numpy.complex128, 1.5, 1.5 + 0j),
        (numpy.bool_, RawArgument("true"), True), (pandas.Timestamp, "2024-01-31", pandas.Timestamp("2024-01-31")),
        (pandas.Timestamp, RawArgument("2024-01-31T12"), pandas.Timestamp("2024-01-31T12")),
    ],
)  # fmt: skip
def test_numbers_of_numpy_and_timestamps_are_converted(hint: Any, value: Any, expected: Any) -> None:
    """Numbers of numpy become Python's, and numbers and the text of a date become numpy's and pandas' own."""
    converted = convert(_binder(hint), {"x": value})["x"]
    kind = numpy.ndarray if hint == NDArray[numpy.float32] else getattr(hint, "__origin__", hint)
    assert converted == expected
    assert type(converted) is kind


@pytest.mark.parametrize(
    ("hint", "text", "value"),
    [
        (int, "3", 3), (float, "3", 3.0), (bool, "true", True), (bool, "1", True), (str, "007", "007"),
        (str, "true", "true"), (str, '"quoted"', "quoted"), (str, "a b", "a b"), (str, "", ""), (Any, "3", 3),
        (Any, "text", "text"), (Any, '{"a": 1}', {"a": 1}), (list[int], "[1, 2]", [1, 2]),
        (dict[str, int], '{"a": 1}', {"a": 1}), (City, '{"name": "Rome"}', City("Rome")), (Color, "red", Color.RED),
        (datetime.date, "2024-01-02", datetime.date(2024, 1, 2)), (int | None, "null", None),
        (str | None, "x", "x"), (Literal["a", "b"], "a", "a"), (float, "1e3", 1000.0), (int | str, "3", 3),
        (bytes, "YWJj", b"abc"), (Path, "a/b", Path("a/b")), (int, "007", 7), (int, "+5", 5), (int, "1_000", 1000),
        (float, ".5", 0.5), (float, "+.5e1", 5.0), (float, "1_000.5", 1000.5), (int | None, "007", 7),
        (int | str, "007", "007"), (Decimal, "1.10", Decimal("1.10")), (Decimal, "007", Decimal(7)),
        (Decimal, "0.1000000000000000055", Decimal("0.1000000000000000055")),
        (list[Decimal], "[1.10, 2]", [Decimal("1.10"), Decimal(2)]), (dict[str, float], '{"a": 2}', {"a": 2.0}),
        (int, "2.0", 2), (Annotated[int, msgspec.Meta(ge=1)], "007", 7),
    ],
)  # fmt: skip
def test_what_was_typed_is_json_where_the_hint_takes_it_else_text(hint: Any, text: str, value: Any) -> None:
    """`--param name=007` is the text for a str, the number for an int."""
    converted = convert(_binder(hint), {"x": RawArgument(text)})["x"]
    assert converted == value
    assert type(converted) is type(value)


@pytest.mark.parametrize(
    ("hint", "value", "message"),
    [
        (int, RawArgument("three"), "x: Expected int, got str"),
        (int, RawArgument("1.5"), "x: "),
        (int, RawArgument("1__0"), "x: Expected int, got str"),
        (Annotated[int, msgspec.Meta(ge=8)], RawArgument("007"), "x: Expected int"),
        (pandas.DataFrame, RawArgument("x.csv"), "x: .*; a file, a URL or a key is given as `--input x=x.csv`"),
        (polars.DataFrame, RawArgument("x.csv"), "given as `--input x=x.csv`"),
        (int, RawJson('"3"'), "x: Expected int, got str"),
        (str, RawJson("3"), "x: Expected str, got int"),
        (list[int], RawArgument('[1, "a"]'), r"x\[1\]: Expected int, got str"),
        (City, RawArgument('{"people": 1}'), "x.name: missing"),
        (Color, RawArgument("blue"), "x: Invalid enum value 'blue'"),
        (int, "3", "x: Expected int, got str"),
        (Dataitem, RawArgument("[1]"), "x: no parameter makes a Dataitem: give it as `--input`"),
        (Meter, RawArgument("1"), r'x: no parameter makes a Meter, found int: `run\(on="here"\)` takes an instance'),
        (list[Meter], [1], "no parameter makes a list"),
        (int, numpy.float32(1.5), "x: Expected int, got float"),
        (numpy.int8, 300, "x: "),
        (numpy.int64, "3", "x: Expected int, got str"),
        (pandas.Timestamp, "soon", "x: "),
        (pandas.Timestamp, 3, "x: Expected a date, such as"),
        (pandas.DataFrame, 3, "x: Expected rows or columns for a DataFrame"),
        (int, Meter(), "x: Expected int, got "),
    ],
)
def test_a_value_that_does_not_fit_names_its_argument(hint: Any, value: Any, message: str) -> None:
    """The error names the argument, and the part of it that does not fit; a file's value is not read as text."""
    with pytest.raises(ArgumentsError, match=message):
        convert(_binder(hint), {"x": value})


def test_all_problems_are_reported_together() -> None:
    """Names that are unknown, missing, reserved or given twice are one error."""

    def handler(context: Any, size: int, other: int) -> None: ...

    with pytest.raises(ArgumentsError) as caught:
        check_names(Binder(handler, JOB, fields_only=True), {"sise": 1, "context": 1, "size": 1}, {"size": "a.csv"})
    message = caught.value.message
    assert "'size' is given as a parameter and as an input" in message
    assert "'sise' is not an argument of the handler, did you mean 'size'" in message
    assert "'context' is filled by Ovenbird" in message
    assert "'other' is missing" in message


def test_double_star_takes_further_arguments() -> None:
    """A handler with **rest takes any name; what was typed is JSON where it is JSON."""
    binder = _binder(int)
    check_names(binder, {"x": 1, "y": 2}, {"z": "a.csv"})
    assert convert(binder, {"y": RawArgument("[1]"), "z": RawArgument("[")}) == {"y": [1], "z": "["}
    assert parse_plain(3) == 3


def _csv(folder: Path) -> Path:
    path = folder / "cities.csv"
    path.write_text("name,people\nRome,3\nOslo,1\n")
    return path


@pytest.mark.parametrize(
    ("hint", "check"),
    [
        (pandas.DataFrame, lambda value: value["people"].sum() == 4),
        (polars.DataFrame, lambda value: value["people"].sum() == 4),
        (Path, lambda value: value.read_text().startswith("name,")),
        (bytes, lambda value: value.startswith(b"name,")),
        (str, lambda value: value.startswith("name,")),
        (Any, lambda value: isinstance(value, Dataitem) and len(value.as_df()) == 2),
        (Dataitem, lambda value: isinstance(value, Dataitem)),
        (FileEntity, lambda value: isinstance(value, Dataitem)),
    ],
)  # fmt: skip
def test_an_input_is_what_its_hint_asks_for(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hint: Any, check: Callable[[Any], bool]
) -> None:
    """A DataFrame of either library, a path, bytes, text; without a hint, the entity."""
    monkeypatch.chdir(tmp_path)
    assert check(read(_binder(hint), project, {"x": str(_csv(tmp_path))})["x"].value)


@pytest.mark.parametrize(
    ("hint", "text", "value"),
    [
        (City, '{"name": "Rome", "people": 3}', City("Rome", 3)),
        (list[City], '[{"name": "Oslo"}]', [City("Oslo")]),
        (dict, '{"a": 1}', {"a": 1}),
        (dict[str, int] | None, '{"a": 1}', {"a": 1}),
    ],
)
def test_other_hints_are_met_by_json_content(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hint: Any, text: str, value: Any
) -> None:
    """A dataclass, a list or a dict is made from the JSON that the input holds."""
    monkeypatch.chdir(tmp_path)
    key = project.log_artifact("a", data=text).key
    assert read(_binder(hint), project, {"x": key})["x"].value == value


@pytest.mark.parametrize(
    ("hint", "text", "message"),
    [
        (City, "{", r"input 'x' \(store://p/artifact/artifact/a:\w+\) cannot be read as City"),
        (City, '{"people": 1}', "input 'x' .* does not fit its hint: .*name"),
        (pandas.DataFrame, "x", "input 'x': .*format"),
        (str, "\udcff", "input 'x' .* cannot be read as str: UnicodeDecodeError"),
    ],
)
def test_content_that_does_not_parse_names_the_argument(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hint: Any, text: str, message: str
) -> None:
    """The error has the argument, the key and the expected type."""
    monkeypatch.chdir(tmp_path)
    key = project.log_artifact("a", data=text.encode("utf-8", "surrogateescape")).key
    with pytest.raises(InputError, match=message):
        read(_binder(hint), project, {"x": key})


def test_a_folder_has_no_one_content(project: Project, tmp_path: Path) -> None:
    """bytes and text are the content of one file."""
    for name in ("a", "b"):
        (tmp_path / "two").mkdir(exist_ok=True)
        (tmp_path / "two" / name).write_text(name)
    key = project.log_artifact("two", source=tmp_path / "two").key
    with pytest.raises(InputError, match="holds 2 files"):
        read(_binder(bytes), project, {"x": key})
    assert isinstance(read(_binder(Artifact), project, {"x": key})["x"].value, Artifact)


@pytest.mark.slow
def test_an_input_from_a_url(jobs: Jobs, server: Any) -> None:
    """A URL is fetched, read as the hint asks, and recorded as what the run consumes; so is a path."""
    text = b"name,people\nRome,3\nOslo,1\n"

    def answer(request: Any) -> None:
        send_reply(request, text)

    server.answer = answer
    source = "from pandas import DataFrame\ndef handler(url: DataFrame): return int(url.people.sum())\n"
    job = jobs.run(source, "--input", f"url={server.url}/cities.csv?token=SECRET")
    assert (job.code, job.result["results"]) == (0, {"output_0": 4}), job.err
    (link,) = [
        relation for relation in jobs.read_record(job)["metadata"]["relationships"] if relation["type"] == "consumes"
    ]
    assert jobs.read_entity("dataitems", link["dest"])["kind"] == "table"
    _csv(jobs.folder)
    assert jobs.run(source, "--input", "url=cities.csv").result["results"] == {"output_0": 4}


def test_a_path_is_the_users_own_file_or_a_copy_of_the_stores(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registered file is passed as it is, a stored one as a copy; nothing is written into the current folder."""
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    own, binder = _csv(tmp_path), _binder(Path)
    stored = project.log_artifact("stored", source=own)
    (tmp_path / "two").mkdir()
    _csv(tmp_path / "two")
    folder = project.log_artifact("folder", source=tmp_path / "two")
    assert read(binder, project, {"x": str(own)})["x"].value == own
    for _ in range(2):  # a second run must not find the first one's copy in its way
        copy = read(binder, project, {"x": stored.key})["x"].value
        assert copy.read_bytes() == own.read_bytes()
        assert copy != stored.local_path()
        assert (read(binder, project, {"x": folder.key})["x"].value / "cities.csv").read_bytes() == own.read_bytes()
    assert list((tmp_path / "cwd").iterdir()) == []


def test_an_optional_input_has_the_type_of_its_hint(jobs: Jobs) -> None:
    """`Path | None` asks for a path; without the input it is None."""
    source = """
        from pathlib import Path
        from typing import Optional

        def handler(data: Optional[Path] = None):
            return len(data.read_text()) if data else -1
    """
    (jobs.folder / "data.txt").write_text("four")
    assert jobs.run(source, "--input", "data=data.txt").result["results"] == {"output_0": 4}
    assert jobs.run(source).result["results"] == {"output_0": -1}


def test_decimals_of_files_keep_their_digits(jobs: Jobs) -> None:
    """A number in a JSON file of parameters, and in a line of JSON Lines, reaches a Decimal as it is written."""
    source = """
        from decimal import Decimal

        def handler(price: Decimal, prices: list[Decimal]):
            return [str(price), str(prices[0])]
    """
    text = '{"price": 1.10, "prices": [12345678901234567890.10]}'
    (jobs.folder / "p.json").write_text(text)
    for flags in (("--params", "p.json"), ("--each", "p.json", "--index", "0")):
        job = jobs.run(source, *flags)
        assert list(job.result["results"].values()) == [["1.10", "12345678901234567890.10"]], job.err


def test_any_name_reaches_kwargs(jobs: Jobs) -> None:
    """`--param` takes the names that `--params` takes; a name that is not an argument's is refused as ever."""
    job = jobs.run("def handler(**rest): return rest\n", "--param", "my-key=1", "--param", "a b=x")
    assert list(job.result["results"].values()) == [{"my-key": 1, "a b": "x"}], job.err
    refused = jobs.run("def handler(my_key=1): return my_key\n", "--param", "my-key=1")
    assert refused.code == 77
    assert "'my-key' is not an argument of the handler, did you mean 'my_key'?" in refused.error["message"]
    nameless = jobs.run("def handler(): ...\n", "--param", "=1")
    assert (nameless.code, "found no name before `=`" in nameless.err) == (70, True)
    valueless = jobs.run("def handler(): ...\n", "--param", "a=1", "--param", "s3cret")
    assert (valueless.code, "s3cret" in valueless.err) == (70, False)
    assert "--param: expected NAME=VALUE, found no `=` (value 2 of 2)" in valueless.err


def test_a_hint_about_as_df_says_who_has_it(project: Project, tmp_path: Path) -> None:
    """A parameter with the hint DataFrame has no call that could take the option."""
    (tmp_path / "a.csv").write_text("café\n1\n", encoding="latin-1")
    with pytest.raises(InputError, match=r"input 'x': .*a\.csv cannot be read as csv by pandas") as caught:
        read(_binder(pandas.DataFrame), project, {"x": str(tmp_path / "a.csv")})
    assert caught.value.hint.startswith('`as_df(encoding="latin-1")` reads it')
    assert caught.value.hint.endswith("; the entity has it, which a parameter without a type hint gets")
