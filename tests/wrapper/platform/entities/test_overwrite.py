"""Files written again for an existing entity; both stores pass the same tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas
import polars
import pytest

from ovenbird.errors import OutputError
from ovenbird.platform.project.project import Project


@pytest.fixture
def root(either: Project, tmp_path: Path) -> str:
    """A place for files in either store."""
    return "s3://outputs/own/" if "S3_PATH_STYLE" in either._environ else f"{tmp_path}/own/"


def test_files_are_uploaded_to_the_path_of_an_entity(either: Project, root: str) -> None:
    """A file to a file, a folder to a folder; the record lists them, and is READY."""
    Path("x.txt").write_text("text")
    Path("d").mkdir()
    Path("d/y.txt").write_text("more")
    single = either.new_artifact("one", path=f"{root}x.txt")
    single.upload("x.txt")
    many = either.new_artifact("many", path=f"{root}many/")
    many.upload(["x.txt", "d"])
    many.upload(["x.txt", "d/y.txt"], keep_dir_structure=True)
    single, many = either.get_artifact("one"), either.get_artifact("many")
    assert (single.status.state, single.get_file_paths()) == ("READY", ["x.txt"])
    assert (many.status.state, sorted(many.get_file_paths())) == ("READY", ["d/y.txt", "x.txt"])
    assert Path(single.as_file()[0]).read_text() == "text"
    assert single.files[0]["hash"] == "md5:1cb251ec0d568de6a929b520c4aed8d1"


def test_a_source_that_does_not_fit_changes_nothing(either: Project, root: str) -> None:
    """A folder in place of a file, and a missing file, are errors; the entity stays READY."""
    Path("d").mkdir()
    item = either.new_dataitem("a", path=f"{root}x.txt")
    with pytest.raises(OutputError, match=r"does not fit .*x\.txt, a file"):
        item.upload("d")
    with pytest.raises(OutputError, match=r"no file 'nothing\.txt'"):
        item.upload("nothing.txt")
    assert (item.status.state, either.get_dataitem("a").status.state) == ("READY", "READY")


def test_an_upload_that_fails_is_recorded_with_its_reason(either: Project, root: str) -> None:
    """The entity is ERROR, and its record says why."""
    Path("x.txt").write_text("text")
    blocked = "s3://no-such-bucket/x.txt" if root.startswith("s3:") else f"{Path('x.txt').absolute()}/x.txt"
    item = either.new_artifact("a", path=blocked)
    with pytest.raises(OutputError):
        item.upload("x.txt")
    artifact = either.get_artifact(item.key)
    assert (artifact.status.state, "not stored" in artifact.status.message) == ("ERROR", True)


@pytest.mark.slow
@pytest.mark.parametrize("frame", [pandas.DataFrame({"a": [1, 2]}), polars.DataFrame({"a": [1, 2]})],
                         ids=["pandas", "polars"])  # fmt: skip
def test_a_frame_is_written_to_the_path_of_a_data_item(either: Project, root: str, frame: Any) -> None:
    """The path or `extension` selects Parquet or CSV; the index is left out, and the preview is recorded."""
    for name, options in (("t.parquet", {}), ("t.csv", {}), ("t.data", {"extension": "csv"}), ("u", {})):
        item = either.new_dataitem("t", "table", path=root + name)
        assert item.write_df(frame, **options) == root + name
        stored = either.get_dataitem("t")
        form = "csv" if "csv" in (name[-3:], options.get("extension")) else "parquet"
        assert list(stored.as_df(file_format=form)["a"]) == [1, 2]
        assert list(stored.as_df(file_format=form).columns) == ["a"]
        assert (stored.status.state, stored.status.preview.rows) == ("READY", 2)


def test_a_writer_takes_its_own_options(either: Project, root: str) -> None:
    """`sep` and `index` go to pandas."""
    item = either.new_dataitem("t", "table", path=f"{root}t.csv")
    item.write_df(pandas.DataFrame({"a": [1]}), sep=";", index=True)
    assert Path(item.as_file()[0]).read_text() == ";a\n0;1\n"


def test_what_is_no_frame_or_has_no_file_says_so(either: Project, root: str) -> None:
    """Nothing is written, and the data item stays as it is."""
    item = either.new_dataitem("t", "table", path=f"{root}t.csv")
    with pytest.raises(OutputError, match="takes a DataFrame, not dict"):
        item.write_df({"a": 1})
    with pytest.raises(OutputError, match="extension 'xlsx' cannot be written"):
        item.write_df(pandas.DataFrame(), extension="xlsx")
    with pytest.raises(OutputError, match="is a folder"):
        either.new_dataitem("u", "table", path=root).write_df(pandas.DataFrame())
    assert either.get_dataitem("t").status.state == "READY"
