from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import numpy
import pandas
import pytest

from ovenbird.errors import InputError, OutputError
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.project.project import Project


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "neither source nor data"),
        ({"source": "a", "data": b"a"}, "source and data given"),
        ({"data": object()}, "data is a builtins.object"),
        ({"source": "s3://b/k"}, "s3://b/k is not local"),
        ({"source": "absent.bin"}, "absent.bin does not exist"),
    ],
)
def test_content_that_cannot_be_is_refused(project: Project, options: dict[str, object], message: str) -> None:
    with pytest.raises(OutputError, match=message):
        project.log_artifact("a", **options)


@pytest.mark.parametrize("data", [b"text", "text", bytearray(b"text"), memoryview(b"text")])
def test_bytes_and_text_are_stored_as_they_are(project: Project, data: object) -> None:
    (path,) = project.log_artifact("a", data=data).as_file()
    assert Path(path).read_bytes() == b"text"


def test_a_list_of_sources_is_a_folder(project: Project, tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text(name)
    entity = project.log_artifact("a", source=[str(tmp_path / "a"), tmp_path / "b"])
    assert entity.spec.path.endswith("/")
    assert [info.path for info in entity.status.files] == ["a", "b"]


@pytest.mark.parametrize("form", ["csv", "parquet", "json", "xlsx"])
def test_a_tables_file_is_described(project: Project, tmp_path: Path, form: str) -> None:
    frame = pandas.DataFrame({"x": [1, 2]})
    write = {"csv": "to_csv", "parquet": "to_parquet", "json": "to_json", "xlsx": "to_excel"}[form]
    getattr(frame, write)(tmp_path / f"t.{form}", **({} if form == "json" else {"index": False}))
    item = project.log_table("t", source=tmp_path / f"t.{form}")
    assert item.spec["schema"].fields == [{"name": "x", "type": "integer"}]
    assert item.status.preview.rows == 2
    assert list(item.as_df(engine="pandas")["x"]) == [1, 2]


def test_a_long_csv_is_described_by_its_beginning(project: Project, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("x\n" + "1\n" * 5000)
    preview = project.log_table("t", source=tmp_path / "t.csv").status.preview
    assert preview.rows is None
    assert preview.cols[0]["value"] == [1] * 10


def test_a_table_that_does_not_parse_is_stored_with_a_warning(project: Project, tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_text("no")
    with pytest.warns(UserWarning, match="stored without a schema"):
        item = project.log_table("t", source=tmp_path / "t.parquet")
    assert (item.status.state, item.spec["path"] is not None, item.spec.schema) == ("READY", True, None)


_NAMES = [
    "my report (1).pdf", "città.csv", "50%.csv", "a%20b.csv", "a[1].csv", "a?b#c.csv", "a&b;c.csv", "$HOME.txt",
    "~tilde", "x" * 250, "é" * 120, " blank ",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", _NAMES, ids=range(len(_NAMES)))
@pytest.mark.parametrize("location", ["local", "s3"])
def test_any_file_name_is_stored_and_read_back(
    project: Project, s3: dict[str, str], tmp_path: Path, name: str, location: str
) -> None:
    """A file has its name on disk and in an object store, alone and within a folder."""
    target = project if location == "local" else Project(project._store, "p", s3, files_store="s3://outputs")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_text("content")
    alone, folder = (
        target.log_artifact("a", source=tmp_path / "in" / name),
        target.log_artifact("b", source=tmp_path / "in"),
    )
    assert alone.spec.path.endswith(f"/{alone.id}/{name}")
    for entity in (alone, folder):
        assert [info.path for info in entity.status.files] == [name]
        (path,) = map(Path, target.get_artifact(entity.key).as_file())
        assert (path.name, path.read_text()) == (name, "content")
    assert Path(target.get_artifact("a").download(tmp_path / "out/")).name == name


@pytest.mark.parametrize("name", ["a\nb", "a\x1bb"], ids=["line end", "escape"])
def test_a_name_with_control_characters_is_refused(project: Project, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    with pytest.raises(OutputError, match="holds a control character"):
        project.log_artifact("a", source=tmp_path / name)


def test_a_list_of_one_source_is_that_source(project: Project, tmp_path: Path) -> None:
    """A file with its schema, or a folder."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in/t.csv").write_text("x\n1\n")
    item = project.log_table("t", source=[str(tmp_path / "in/t.csv")])
    assert item.spec.path.endswith("/t.csv")
    assert item.spec["schema"].fields == [{"name": "x", "type": "integer"}]
    assert [info.path for info in project.log_artifact("f", source=[tmp_path / "in"]).status.files] == ["t.csv"]


def test_a_folder_of_a_table_is_described(project: Project, tmp_path: Path) -> None:
    """All its files and partitions are described; a folder of other files is stored with a warning."""
    for year in (2023, 2024):
        (tmp_path / f"in/year={year}").mkdir(parents=True)
        pandas.DataFrame({"x": [year]}).to_parquet(tmp_path / f"in/year={year}/part.parquet")
    (tmp_path / "in/_SUCCESS").touch()
    item = project.log_table("t", source=tmp_path / "in")
    assert [field.name for field in item.spec["schema"].fields] == ["x", "year"]
    assert item.status.preview.rows == 2
    (tmp_path / "in/notes.doc").write_text("not a table")
    with pytest.warns(UserWarning, match="stored without a schema: .*notes.doc"):
        assert project.log_table("t", source=tmp_path / "in").spec.schema is None


def test_a_device_or_a_pipe_is_refused_at_once(project: Project, tmp_path: Path) -> None:
    """Nothing is opened: reading would have no end."""
    os.mkfifo(tmp_path / "pipe")
    for source, kind in ((Path("/dev/zero"), "a character device"), (tmp_path / "pipe", "a FIFO")):
        with pytest.raises(OutputError, match=f"is {kind}"):
            project.log_artifact("a", source=source)
        with pytest.raises(InputError, match=f"is {kind}"):
            project.new_artifact("b", path=str(source)).download(tmp_path / "copy")


def test_a_folder_warns_of_what_it_is_stored_without(project: Project, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a").write_text("a")
    (tmp_path / "in/gone").symlink_to("nowhere")
    with pytest.warns(UserWarning, match="stored without what cannot be: 'gone' is a link that leads nowhere"):
        assert [info.path for info in project.log_artifact("a", source=tmp_path / "in").status.files] == ["a"]


def test_a_store_in_the_folder_by_any_name_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its database too, before the first run and after."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("a")
    store = LocalStore("runs")
    try:
        for _ in range(2):
            entity = Project(store, "p", {}).log_artifact("here", source=".")
            assert [info.path for info in entity.status.files] == ["a.txt"]
    finally:
        store.close()


@pytest.mark.parametrize("location", ["local", "s3"])
def test_a_folder_keeps_its_links_and_its_programs(
    project: Project, s3: dict[str, str], tmp_path: Path, location: str
) -> None:
    """The target of a link to a folder is stored, and a script stays executable when it is copied back."""
    target = project if location == "local" else Project(project._store, "p", s3, files_store="s3://outputs")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/run.sh").write_text("#!/bin/sh\necho done\n")
    (tmp_path / "data/run.sh").chmod(0o755)
    (tmp_path / "data/text").write_text("t")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/link").symlink_to("../data")
    folder = target.log_artifact("a", source=tmp_path / "in")
    assert [info.path for info in folder.status.files] == ["link/run.sh", "link/text"]
    copy = Path(target.get_artifact("a").download(tmp_path / "out"))
    assert subprocess.run([copy / "link/run.sh"], capture_output=True, check=True).stdout == b"done\n"
    assert not (copy / "link/text").stat().st_mode & 0o111
    alone = target.log_artifact("b", source=tmp_path / "data/run.sh")
    assert os.access(alone.as_file()[0], os.X_OK)


def test_a_folder_is_stored_without_the_store_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`Path(".")` holds the store, or the files store, of its own run: it would double each time."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("a")
    store = LocalStore(".ovenbird")
    try:
        for files_store in ("", "", "elsewhere", "elsewhere"):
            project = Project(store, "p", {}, files_store=files_store)
            assert [info.path for info in project.log_artifact("here", source=Path()).status.files] == ["a.txt"]
    finally:
        store.close()


def test_a_frame_with_odd_attributes_is_stored(project: Project) -> None:
    frame = pandas.DataFrame({"a": [1]})
    frame.attrs["model"] = object()
    assert project.log_table("t", data=frame).spec.path.endswith("/t.parquet")


@pytest.mark.parametrize(
    ("value", "text"),
    [({}, "{}"), (2**70, str(2**70)), (numpy.zeros((1, 2)), "[[0. 0.]]"), ("\ud800", "\\ud800")],
    ids=["empty object", "large number", "array of arrays", "surrogate"],
)
def test_no_value_of_a_frame_loses_the_table(project: Project, value: object, text: str) -> None:
    frame = pandas.DataFrame({"a": pandas.Series([value], dtype=object)})
    with pytest.warns(UserWarning, match="stored as CSV"):
        item = project.log_table("t", data=frame)
    assert Path(item.spec.path).read_text() == f"a\n{text}\n"
    assert project.get_dataitem("t").status.preview.rows == 1


def test_a_frame_that_parquet_cannot_hold_is_stored_as_csv(project: Project) -> None:
    """With a warning that gives the reason: what was computed is not lost."""
    with pytest.warns(UserWarning, match="t is stored as CSV, and not as Parquet: the column 'a'"):
        item = project.log_table("t", data=pandas.DataFrame({"a": [1, "x"], "b": [1, 2]}))
    assert item.spec.path.endswith("/t.csv")
    assert [field.name for field in item.spec["schema"].fields] == ["a", "b"]
    assert list(item.as_df()["a"]) == ["1", "x"]


@pytest.mark.parametrize("columns", [[1, "1"], [1.0, "1.0"]])
def test_columns_of_the_same_text_are_no_parquet(project: Project, columns: list[object]) -> None:
    """It would be written, and no reader could read it."""
    with pytest.warns(UserWarning, match=f"stored as CSV, and not as Parquet: two columns are called '{columns[1]}'"):
        item = project.log_dataitem("t", "table", data=pandas.DataFrame([[5, 6]], columns=columns))
    assert item.as_df().to_numpy().tolist() == [[5, 6]]


def test_an_index_of_the_same_text_is_no_parquet(project: Project) -> None:
    frame = pandas.DataFrame({"1": [5]}, index=pandas.Index([6], name=1))
    with pytest.warns(UserWarning, match="two columns are called '1'"):
        item = project.log_dataitem("t", "table", data=frame)
    assert item.as_df().to_dict() == item.as_df(index_col=0).to_dict() == {"1.1": {6: 5}}


@pytest.mark.parametrize(
    ("index", "columns"),
    [
        (pandas.Index(["a", "b"]), "column is"), (pandas.Index([7, 9], name="key"), "column is"),
        (pandas.RangeIndex(2, name="row"), "column is"), (pandas.RangeIndex(1, 3), "column is"),
        (pandas.MultiIndex.from_tuples([("a", 1), ("a", 2)], names=["s", "n"]), "2 columns are"),
        (pandas.MultiIndex.from_tuples([("a", 1), ("a", 2)], names=[None, "n"]), "2 columns are"),
        (pandas.MultiIndex.from_tuples([("a", 1), ("a", 2)]), "2 columns are"),
    ],
    ids=["plain", "named", "named range", "range", "levels", "half", "nameless"],
)  # fmt: skip
def test_an_index_is_restored_from_csv(project: Project, index: Any, columns: str) -> None:
    """Its names are in the record; a warning says where it is in the file."""
    frame = pandas.DataFrame({"x": [1, "one"]}, index=index)
    with pytest.warns(UserWarning, match=f"; the first {columns} its index there, which `as_df` restores"):
        item = project.log_dataitem("t", "table", data=frame)
    read = project.get_dataitem(item.key).as_df()
    assert (list(read.columns), read["x"].tolist()) == (["x"], ["1", "one"])
    assert read.index.tolist() == index.tolist()
    assert list(read.index.names) == list(index.names)
    levels = list(range(index.nlevels))
    assert item.as_df(index_col=levels if len(levels) > 1 else 0).index.tolist() == index.tolist()
    assert list(item.as_df(usecols=["x"]).columns) == ["x"]
    assert len(item.as_df(engine="polars").columns) == 1 + index.nlevels


def test_only_the_index_that_was_stored_is_restored(project: Project) -> None:
    """Neither row numbers nor other files that the entity has since become an index."""
    with pytest.warns(UserWarning, match=r"not as Parquet: [^;]*$"):
        item = project.log_dataitem("t", "table", data=pandas.DataFrame({"x": [1, "one"]}))
    assert (list(item.as_df().columns), item.as_df().index.tolist()) == (["x"], [0, 1])
    with pytest.warns(UserWarning, match="its index"):
        item = project.log_dataitem("u", "table", data=pandas.DataFrame({"x": [1, "one"]}, index=["a", "b"]))
    item.write_df(pandas.DataFrame({"Unnamed: 0": [1], "x": [2]}))
    read = project.get_dataitem(item.key).as_df()
    assert (list(read.columns), read.index.tolist()) == (["Unnamed: 0", "x"], [0])
    with pytest.warns(UserWarning, match="its index"):
        item = project.log_dataitem("v", "table", data=pandas.DataFrame({"x": [1, "one"]}, index=["a", "b"]))
    Path(item.spec.path).write_text("key,x\na,1\n")
    assert list(item.as_df().columns) == ["key", "x"]


class Survey(pandas.DataFrame):
    """A DataFrame with something of its own, as GeoPandas makes one."""


def test_a_subclass_of_a_dataframe_is_a_table_with_a_warning(project: Project) -> None:
    with pytest.warns(UserWarning, match=r"t is of type .*Survey: it is stored as a table"):
        item = project.log_dataitem("t", "table", data=Survey({"x": [1]}))
    assert (type(item.as_df()), item.as_df()["x"].tolist()) == (pandas.DataFrame, [1])
