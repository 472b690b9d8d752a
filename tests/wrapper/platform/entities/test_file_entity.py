from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas
import pytest
from tests.stores import send_reply

from ovenbird.common.hashing import checksum_file
from ovenbird.errors import InputError
from ovenbird.platform.project.project import Project
from ovenbird.platform.storage import files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in/sub").mkdir(parents=True)
    (tmp_path / "in/a.csv").write_text("x\n1\n")
    (tmp_path / "in/sub/b.csv").write_text("x\n2\n")
    return tmp_path / "in"


def test_the_files_are_a_path_too(project: Project) -> None:
    """The value works as a path, which the platform returns, and as a list, which its docs promise."""
    artifact = project.log_artifact("text", data="hello")
    assert Path(artifact.as_file()).read_text() == Path(artifact.as_file()[0]).read_text() == "hello"


def test_as_file_is_a_copy_that_may_be_changed(project: Project, folder: Path) -> None:
    stored = project.log_artifact("a", source=folder / "a.csv")
    (copy,) = stored.as_file()
    assert Path(copy).name == "a.csv"
    Path(copy).write_text("changed")
    assert Path(stored.as_file()[0]).read_text() == "x\n1\n"


def test_as_file_of_what_lies_elsewhere_is_the_file_itself(project: Project, folder: Path) -> None:
    assert project.new_artifact("a", path=str(folder / "a.csv")).as_file() == [str(folder / "a.csv")]


def test_as_file_of_a_folder_is_all_its_files(project: Project, folder: Path) -> None:
    names = [Path(path).read_text() for path in project.log_artifact("a", source=folder).as_file()]
    assert names == ["x\n1\n", "x\n2\n"]


def test_temporary_copies_are_gone_when_the_process_ends(tmp_path: Path) -> None:
    program = (
        "import sys; from ovenbird.platform.local.store import LocalStore; "
        "from ovenbird.platform.project.project import Project\n"
        "p = Project(LocalStore(sys.argv[1]), 'p', {}); print(p.log_artifact('a', source=sys.argv[2]).as_file()[0])"
    )
    (tmp_path / "f").write_text("f")
    process = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "home"), str(tmp_path / "f")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert process.stdout.strip().endswith("/f")
    assert not Path(process.stdout.strip()).parent.parent.exists()


def test_download_goes_to_a_folder_a_file_or_its_default(
    project: Project, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stored = project.log_dataitem("a", source=folder / "a.csv")
    assert stored.download() == "dataitem/a.csv"
    assert stored.download("out/") == "out/a.csv"
    assert stored.download("new") == "new/a.csv"
    assert stored.download("named.csv") == "named.csv"
    assert {Path(path).read_text() for path in ("dataitem/a.csv", "out/a.csv", "new/a.csv", "named.csv")} == {"x\n1\n"}


def test_download_of_a_folder_keeps_its_shape(project: Project, folder: Path, tmp_path: Path) -> None:
    assert project.log_model("m", source=folder).download(tmp_path / "out") == str(tmp_path / "out")
    assert (tmp_path / "out/sub/b.csv").read_text() == "x\n2\n"


def test_download_replaces_nothing_without_overwrite(project: Project, folder: Path, tmp_path: Path) -> None:
    stored = project.log_artifact("a", source=folder / "a.csv")
    (tmp_path / "a.csv").write_text("mine")
    with pytest.raises(InputError, match="exists") as caught:
        stored.download(tmp_path)
    assert "overwrite=True" in caught.value.hint
    assert stored.download(tmp_path, overwrite=True) == str(tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "x\n1\n"


def test_a_folder_of_tables_is_one_table(project: Project, folder: Path) -> None:
    assert list(project.log_dataitem("a", source=folder).as_df(engine="pandas")["x"]) == [1, 2]


def test_a_table_on_the_web_is_read(project: Project, server: Any) -> None:
    def answer(request: Any) -> None:
        body = b"city;people\nTrento;118000\n"
        send_reply(request, body)

    server.answer = answer
    item = project.new_dataitem("url", "table", path=f"{server.url}/cities?format=csv")
    frame = item.as_df(file_format="csv", sep=";")
    assert frame.equals(pandas.DataFrame({"city": ["Trento"], "people": [118000]}))


def test_files_on_s3_are_read_back_and_described(project: Project, s3: dict[str, str], tmp_path: Path) -> None:
    s3_project = Project(project._store, "p", s3, files_store="s3://outputs")
    item = s3_project.log_table("t", data=pandas.DataFrame({"x": [1]}))
    assert item.spec.path == f"s3://outputs/p/dataitem/t/{item.id}/t.parquet"
    assert list(s3_project.get_dataitem("t").as_df()["x"]) == [1]
    assert Path(item.as_file()[0]).name == "t.parquet"
    assert item.download(tmp_path / "x.parquet") == str(tmp_path / "x.parquet")
    assert item.local_path() is None
    assert item.files[0]["hash"] == checksum_file(tmp_path / "x.parquet")


@pytest.mark.slow
def test_a_deferred_digest_is_recorded_on_request(project: Project, tmp_path: Path) -> None:
    with (tmp_path / "big").open("wb") as file:
        file.truncate(files.HASHED_AT_ONCE + 1)
    stored = project.log_artifact("big", source=tmp_path / "big")
    assert stored.status.files[0].hash is None
    assert stored.files[0]["hash"] == checksum_file(tmp_path / "big")
    assert project.get_artifact("big").status.files[0].hash == stored.status.files[0].hash


def test_a_file_that_is_gone_is_named(project: Project, tmp_path: Path) -> None:
    item = project.new_dataitem("a", path=str(tmp_path / "gone.csv"))
    for read in (item.as_df, item.as_file, item.local_path):
        with pytest.raises(InputError, match=r"gone\.csv is not there"):
            read()
    with pytest.raises(InputError, match=r"gone\.csv"):
        item.download(tmp_path)
    with pytest.raises(InputError, match="has no file"):
        project.new_dataitem("b").as_df()
