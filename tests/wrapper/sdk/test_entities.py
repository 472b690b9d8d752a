"""Functions of the module for each type of entity: those of the project, with its name, or a key."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import ovenbird as dh
from ovenbird.errors import ArgumentsError, InputError
from ovenbird.platform.project.project import Project


def test_a_name_needs_its_project_and_a_key_does_not(demo: Project, folder: Path) -> None:
    """A key names its project, whatever is given beside it."""
    (folder / "x").write_text("x")
    first, second = (dh.log_model("demo", "m", "model", "x") for _ in range(2))
    assert dh.get_model(first.key).id == dh.get_model("m", "demo", first.id).id == first.id
    assert [model.id for model in dh.get_model_versions("m", "demo")] == [second.id, first.id]
    with pytest.raises(ArgumentsError, match="'m' is a name, and its project is not given"):
        dh.get_model("m")
    with pytest.raises(InputError, match="no model named 'absent' in demo"):
        dh.get_model("absent", "demo")
    dh.delete_model("m", "demo", delete_all_versions=True)
    assert dh.list_models("demo") == []
    assert demo.list_models() == []


def test_what_was_exported_is_imported(demo: Project, folder: Path) -> None:
    """`import_*` adds it to the project that the file names, under its own id unless `reset_id`."""
    (folder / "x").write_text("x")
    artifact = demo.log_artifact("a", "artifact", source="x")
    file = artifact.export()
    assert dh.import_artifact(file, reset_id=True).id != artifact.id
    artifact.delete()
    imported = dh.import_artifact(file)
    assert imported.key == artifact.key
    imported.set_description("again")
    assert dh.update_artifact(imported).project == "demo"
    assert dh.get_artifact(artifact.key).metadata.description == "again"


def test_secrets_runs_and_search(demo: Project) -> None:
    """The other types of entity, by the same rules."""
    dh.new_secret("demo", "token", secret_value="v")
    assert dh.get_secret("token", "demo").read_secret_value() == "v"
    assert [secret.name for secret in dh.list_secrets("demo")] == ["token"]
    dh.delete_secret("token", "demo", delete_all_versions=True)
    dh.new_function("demo", "f", "python", code="def f(): pass", handler="f", description="finds me")
    assert [entity.name for entity in dh.search_entity("demo", "finds me")[0]] == ["f"]
    assert (dh.list_runs("demo"), dh.list_secrets("demo"), demo.list_runs()) == ([], [], [])


def test_functions_describe_themselves() -> None:
    """An editor shows the parameters and the text of the method, with the project in its place."""
    assert list(inspect.signature(dh.log_artifact).parameters)[:3] == ["project", "name", "kind"]
    assert list(inspect.signature(dh.get_artifact).parameters) == ["identifier", "project", "entity_id"]
    assert dh.list_models.__name__ == "list_models"
    assert "log_artifact" in dir(dh)
    assert str(inspect.getdoc(dh.get_artifact)).startswith("Return the artifact of a key")
