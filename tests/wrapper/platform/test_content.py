from __future__ import annotations

from pathlib import Path

import pandas
import pytest

from ovenbird.errors import OutputError
from ovenbird.platform.project import Project


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "neither source nor data"),
        ({"source": "a", "data": b"a"}, "source and data given"),
        ({"data": object()}, "data is a builtins.object"),
        ({"source": "s3://b/k"}, "s3://b/k is not local"),
        ({"source": "absent.bin"}, "absent.bin does not exist"),
    ],
)
def test_content_that_cannot_be_is_refused(project: Project, options: dict[str, object], said: str) -> None:
    with pytest.raises(OutputError, match=said):
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
