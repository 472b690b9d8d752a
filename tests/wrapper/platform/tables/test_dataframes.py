from __future__ import annotations

import datetime
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas
import polars
import pytest

from ovenbird.common.hashing import checksum_file
from ovenbird.errors import InputError
from ovenbird.platform.tables import dataframes

MAKERS = {"pandas": pandas.DataFrame, "polars": polars.DataFrame}


def _write(path: Path, form: str) -> Path:
    frame = pandas.DataFrame({"city": ["Trento", "Zürich"], "people": [118_000, 443_000]})
    target = path / f"cities.{form}"
    if form == "jsonl":
        frame.to_json(target, orient="records", lines=True)
    elif form == "json":
        frame.to_json(target, orient="records")
    elif form == "tsv":
        frame.to_csv(target, sep="\t", index=False)
    else:
        getattr(frame, {"xlsx": "to_excel", "csv": "to_csv", "parquet": "to_parquet"}[form])(target, index=False)
    return target


@pytest.mark.parametrize("engine", dataframes.ENGINES)
@pytest.mark.parametrize("form", ["csv", "tsv", "parquet", "json", "jsonl", "xlsx"])
def test_every_format_is_read_by_both_engines(tmp_path: Path, form: str, engine: str) -> None:
    frame = dataframes.read_frame(_write(tmp_path, form), engine=engine)
    assert dataframes.get_engine(frame) == engine
    assert list(frame["city"]) == ["Trento", "Zürich"]
    assert list(frame["people"]) == [118_000, 443_000]


@pytest.mark.parametrize("engine", dataframes.ENGINES)
def test_the_caller_may_set_format_and_separator(tmp_path: Path, engine: str) -> None:
    (tmp_path / "data").write_text("a;b\n1;2\n")
    frame = dataframes.read_frame(tmp_path / "data", file_format="csv", sep=";", engine=engine)
    assert list(frame.columns) == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.bin", {}, "'bin'"),
        ("a.bin", {"file_format": "avro"}, "'avro'"),
        ("a.csv", {"engine": "spark"}, "'spark'"),
        ("a.parquet", {"engine": "pandas"}, "a.parquet cannot be read as parquet by pandas"),
        ("a.xlsx", {"engine": "polars"}, "a.xlsx cannot be read as excel by polars"),
        ("a.json", {"engine": "polars"}, "a.json cannot be read as json by polars"),
    ],
)
def test_what_does_not_parse_is_named(tmp_path: Path, name: str, options: dict[str, Any], message: str) -> None:
    (tmp_path / name).write_text("not what it says")
    with pytest.raises(InputError, match=message):
        dataframes.read_frame(tmp_path / name, **options)


@pytest.mark.parametrize("engine", dataframes.ENGINES)
def test_schema_and_preview_tell_types_and_first_rows(engine: str) -> None:
    moment = datetime.datetime(2024, 1, 2, 3, 4, 5)
    frame = MAKERS[engine](
        {
            "s": ["a"] * 12, "i": [1] * 12, "f": [float("nan")] * 12, "b": [True] * 12, "t": [moment] * 12,
            "l": [[1, 2]] * 12, "d": [Decimal("1.5")] * 12,
        }
    )  # fmt: skip
    types = {field["name"]: field["type"] for field in dataframes.describe_schema(frame)["fields"]}
    assert types == {
        "s": "string", "i": "integer", "f": "number", "b": "boolean", "t": "datetime", "l": "array",
        "d": "number" if engine == "polars" else "any",
    }  # fmt: skip
    preview = dataframes.make_preview(frame)
    assert preview["rows"] == 12
    first = {col["name"]: col["value"][0] for col in preview["cols"]}
    assert first == {"s": "a", "i": 1, "f": None, "b": True, "t": moment.isoformat(), "l": "[1, 2]", "d": "1.5"}
    assert {len(col["value"]) for col in preview["cols"]} == {10}


@pytest.mark.parametrize("engine", dataframes.ENGINES)
def test_a_frame_is_written_and_read_back(tmp_path: Path, engine: str) -> None:
    frame = MAKERS[engine]({"a": [1, 2], "b": ["x", None]})
    digest = dataframes.write_parquet(frame, tmp_path / "a.parquet")
    assert (digest is not None) == (engine == "pandas")
    if digest is not None:
        assert digest == checksum_file(tmp_path / "a.parquet")
    back = dataframes.read_frame(tmp_path / "a.parquet", engine=engine)
    assert back.equals(frame)


def test_a_lazy_frame_is_a_frame(tmp_path: Path) -> None:
    lazy = polars.LazyFrame({"a": [1, 2]})
    dataframes.write_parquet(lazy, tmp_path / "a.parquet")
    assert dataframes.make_preview(lazy)["rows"] == 2
    assert polars.read_parquet(tmp_path / "a.parquet")["a"].to_list() == [1, 2]


@pytest.mark.parametrize("value", [1, "a", [], {}, type("DataFrame", (), {})()])
def test_other_values_are_no_frames(value: object) -> None:
    assert dataframes.get_engine(value) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "chosen"), [("", "pandas"), ("import polars", "polars"), ("import pandas, polars", "pandas")]
)
def test_the_engine_that_is_loaded_is_chosen(first: str, chosen: str) -> None:
    program = f"{first}\nfrom ovenbird.platform.tables import dataframes\nprint(dataframes.choose_engine())"
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == chosen


def test_without_any_engine_the_error_says_what_to_install(tmp_path: Path) -> None:
    program = "from ovenbird.platform.tables import dataframes\ndataframes.choose_engine()"
    process = subprocess.run(
        [sys.executable, "-S", "-c", program], capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(Path(dataframes.__file__).parents[3])},
    )  # fmt: skip
    assert "neither pandas nor polars is installed" in process.stderr


@pytest.mark.parametrize("engine", dataframes.ENGINES)
def test_frames_of_several_files_are_put_together(engine: str) -> None:
    make = MAKERS[engine]
    assert list(dataframes.concat_frames([make({"a": [1]}), make({"a": [2]})], "x")["a"]) == [1, 2]
    with pytest.raises(InputError, match="x holds no file"):
        dataframes.concat_frames([], "x")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"n": [1, 2], "a": [1, "x"]}, "the column 'a': Could not convert 'x'"),
        ({"a": [{"b": 1}, {"b": "x"}]}, "Could not convert 'x'"),
        ({"a": [object]}, "Could not convert"),
        ({"a": [{}, {}]}, "no child field"),
    ],
    ids=["mixed", "mixed objects", "classes", "empty objects"],
)
def test_what_parquet_cannot_hold_is_named(data: dict[str, list[Any]], message: str) -> None:
    assert message in dataframes.describe_parquet_problem(pandas.DataFrame(data))
    assert dataframes.describe_parquet_problem(pandas.DataFrame([[1, 2]], columns=["a", "a"]))


@pytest.mark.parametrize("engine", dataframes.ENGINES)
def test_parquet_holds_ordinary_frames(engine: str) -> None:
    moment = datetime.datetime(2024, 1, 2)
    data = {
        "s": ["a", None],
        "f": [1.5, float("nan")],
        "l": [[1], [2, 3]],
        "t": [moment, None],
        "d": [Decimal(1), None],
    }
    assert dataframes.describe_parquet_problem(MAKERS[engine](data)) == ""
    assert dataframes.describe_parquet_problem(MAKERS[engine]({})) == ""


def test_attributes_that_are_no_json_are_dropped() -> None:
    """The stored copy lacks them: odd values in `attrs` do not fail a table."""
    frame = pandas.DataFrame({"a": [1]})
    frame.attrs["unit"] = "m"
    assert dataframes.drop_odd_attributes(frame) is frame
    frame.attrs["model"] = object()
    assert (dataframes.drop_odd_attributes(frame).attrs, list(frame.attrs)) == ({}, ["unit", "model"])


def test_csv_keeps_an_index_that_says_something(tmp_path: Path) -> None:
    frame = pandas.DataFrame({"a": [1, 2]})
    for index, text in ((None, "a\n1\n2\n"), (["x", "y"], ",a\nx,1\ny,2\n"), ([0, 2], ",a\n0,1\n2,2\n")):
        dataframes.write_csv(frame if index is None else frame.set_axis(index), tmp_path / "a.csv")
        assert (tmp_path / "a.csv").read_text() == text


@pytest.mark.parametrize("engine", dataframes.ENGINES)
@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_csv_of_another_encoding_names_the_option(tmp_path: Path, engine: str, encoding: str) -> None:
    """polars would read other characters without a word."""
    path = tmp_path / "a.csv"
    path.write_text("café,n\nà la carte,2\n", encoding=encoding)
    with pytest.raises(InputError, match=f"a.csv cannot be read as csv by {engine}: its text is not UTF-8") as caught:
        dataframes.read_frame(path, engine=engine)
    assert caught.value.hint == f'`as_df(encoding="{encoding}")` reads it, where that is its encoding'
    frame = dataframes.read_frame(path, engine=engine, encoding=encoding)
    assert (list(frame.columns), list(frame["café"]), list(frame["n"])) == (["café", "n"], ["à la carte"], [2])


@pytest.mark.parametrize("engine", dataframes.ENGINES)
def test_a_character_over_the_edge_of_what_is_looked_at_is_utf8(tmp_path: Path, engine: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x\n" + "a" * (64 * 1024 - 3) + "é\n", encoding="utf-8")
    assert dataframes.read_frame(path, engine=engine)["x"][0].endswith("aé")
