from __future__ import annotations

from pathlib import Path

import pytest
from tests.disks import disk

from ovenbird.errors import OutputError
from ovenbird.platform.project.project import Project


def test_a_writer_that_fails_leaves_an_error_and_no_file(project: Project) -> None:
    def write(path: Path) -> None:
        path.write_text("half")
        raise RuntimeError("no more ink")

    with pytest.raises(OutputError, match="RuntimeError: no more ink"):
        project._log(type(project.new_artifact("x")), "a", "artifact", None, write=write, filename="a.txt")
    row = project._store.list_summaries("artifact", name="a")[0]
    assert row.state == "ERROR"
    assert not any(path.is_file() for path in Path(project._store.files_root()).rglob("*"))


def test_an_interrupted_upload_is_recorded(project: Project) -> None:
    def write(path: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        project.log_artifact("a", write=write)
    assert project._store.list_summaries("artifact")[0].state == "ERROR"


def test_a_full_disk_names_the_output(project: Project, tmp_path: Path) -> None:
    with disk(tmp_path / "full", "64k") as full:
        full_project = Project(project._store, "p", {}, files_store=str(full))
        with pytest.raises(OutputError, match="No space left on device") as caught:
            full_project.log_artifact("big", data=b"x" * 200_000)
    assert "/big" in caught.value.message
    assert project._store.list_summaries("artifact")[0].state == "ERROR"


def test_a_writer_stores_in_an_object_store(project: Project, s3: dict[str, str]) -> None:
    s3_project = Project(project._store, "p", s3, files_store="s3://outputs/root")
    entity = s3_project.log_artifact("a", data=b"content")
    assert entity.spec.path == f"s3://outputs/root/p/artifact/a/{entity.id}/a"
    assert Path(entity.as_file()[0]).read_bytes() == b"content"


def test_a_relative_files_store_is_recorded_whole(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    entity = Project(project._store, "p", {}, files_store="out").log_artifact("a", data=b"x")
    assert entity.spec.path == str(tmp_path / f"out/p/artifact/a/{entity.id}/a")
