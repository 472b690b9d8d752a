"""Projects by the names of the platform's SDK, in the embedded store."""

from __future__ import annotations

from pathlib import Path

import pytest

import ovenbird as dh
from ovenbird.errors import ArgumentsError, InputError, PlatformError
from ovenbird.platform.entities.run import start_run
from ovenbird.platform.project.project import Project


def test_a_project_is_created_once(folder: Path) -> None:
    """Description, labels and configuration are recorded; a second call finds the project and changes nothing."""
    project = dh.get_or_create_project("demo", description="d", labels=["l"], config={"default_files_store": "s3://b"})
    again = dh.get_or_create_project("demo", description="other")
    assert (again.name, again.metadata.description, again.metadata.labels) == ("demo", "d", ["l"])
    assert dh.get_project("demo").spec.config == {"default_files_store": "s3://b"}
    with pytest.raises(PlatformError, match="already exists"):
        dh.new_project("demo")
    again.set_description("changed")
    assert dh.update_project(again) is again
    assert (dh.get_project("demo").metadata.description, project.key) == ("changed", "store://demo")
    assert (folder / ".ovenbird").is_dir()


def test_a_project_that_only_has_entities_is_found(folder: Path) -> None:
    """`ovenbird run` records in a project that nobody has created; one without anything is an error."""
    (folder / "x").write_text("x")
    dh.log_artifact("implied", "x", "artifact", "x")
    assert dh.get_project("implied").list_artifacts()[0].name == "x"
    assert [project.name for project in dh.list_projects()] == ["implied"]
    with pytest.raises(InputError, match="no project 'absent' in "):
        dh.get_project("absent")
    for name in ("", "a/b", "../x"):
        with pytest.raises(InputError, match="project"):
            dh.get_or_create_project(name)
    with pytest.raises(ArgumentsError, match="a project is named by a text, found 3"):
        dh.get_project(3)
    with pytest.raises(InputError, match="setup_kwargs"):
        dh.get_or_create_project("demo", setup_kwargs={"x": 1})


def test_a_project_is_deleted_with_what_it_holds(demo: Project, folder: Path) -> None:
    """Entities and their stored files go, secrets too; a file that was registered stays; a run that goes on refuses."""
    (folder / "x").write_text("x")
    stored = demo.log_artifact("x", "artifact", source="x")
    demo.new_artifact("registered", "artifact", path=str(folder / "x"))
    demo.new_secret("token", secret_value="v")
    demo.new_function("f", "python", code="", handler="f")
    run = start_run(demo._store, "demo", {})
    with pytest.raises(PlatformError, match="is still running"):
        dh.delete_project("demo")
    run.finish("COMPLETED")
    path = Path(stored.spec.path)
    assert path.exists()
    dh.delete_project("demo")
    assert (path.exists(), (folder / "x").exists(), dh.list_projects()) == (False, True, [])
    assert demo._store.read_secret("demo", "token") is None
    with pytest.raises(InputError, match="no project 'demo'"):
        dh.delete_project("demo")
