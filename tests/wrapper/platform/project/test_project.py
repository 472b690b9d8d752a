from __future__ import annotations

from pathlib import Path

import pandas
import pytest

from ovenbird.errors import InputError, OutputError
from ovenbird.platform.entities import run
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.project.project import Project


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "m.bin").write_bytes(b"model")
    return tmp_path / "m.bin"


@pytest.mark.parametrize(
    ("verb", "kind", "key"),
    [
        ("log_artifact", "artifact", "artifact/artifact"), ("log_dataitem", "dataitem", "dataitem/dataitem"),
        ("log_model", "model", "model/model"), ("log_sklearn", None, "model/sklearn"),
        ("log_mlflow", None, "model/mlflow"),
    ],
)  # fmt: skip
def test_each_verb_stores_its_type_and_kind(
    project: Project, source: Path, verb: str, kind: str | None, key: str
) -> None:
    options = {"kind": kind} if kind else {}
    entity = getattr(project, verb)(name="m", source=str(source), **options)
    assert entity.key == f"store://p/{key}/m:{entity.id}"
    assert entity.status.state == "READY"
    assert entity.status.files[0].size == 5
    assert Path(entity.spec.path).read_bytes() == b"model"
    assert source.exists()


def test_a_frame_is_a_table_with_schema_and_preview(project: Project) -> None:
    item = project.log_dataitem("cities", data=pandas.DataFrame({"city": ["Trento"]}))
    assert (item.kind, item.spec.path.endswith(f"/p/dataitem/cities/{item.id}/cities.parquet")) == ("table", True)
    assert item.spec["schema"].fields == [{"name": "city", "type": "string"}]
    assert item.status.preview == {"cols": [{"name": "city", "value": ["Trento"]}], "rows": 1}


def test_options_go_to_spec_and_metadata(project: Project, source: Path) -> None:
    model = project.log_model(
        "m", "sklearn", source=source, algorithm="tree", parameters={"n": 1}, description="d", labels=["l"]
    )
    again = project.get_model("m")
    assert (again.spec.algorithm, again.spec.parameters.n) == ("tree", 1)
    assert (again.metadata.description, again.metadata.labels) == ("d", ["l"])
    assert model.spec.description is None


def test_files_go_to_the_path_of_the_call(project: Project, source: Path, tmp_path: Path) -> None:
    destination = str(tmp_path / "x/y.bin")
    assert project.log_artifact("a", source=source, path=destination).spec.path == destination
    other = Project(project._store, "p", {"DHCORE_DEFAULT_FILES_STORE": str(tmp_path / "elsewhere")})
    assert other.log_artifact("a", source=source).spec.path.startswith(str(tmp_path / "elsewhere/p/artifact/a/"))
    third = Project(project._store, "p", {"DHCORE_DEFAULT_FILES_STORE": "s3://b"}, files_store=str(tmp_path / "third"))
    assert third.log_artifact("a", source=source).spec.path.startswith(str(tmp_path / "third/p/artifact/a/"))


def test_drop_existing_forgets_the_older_versions(project: Project, source: Path) -> None:
    project.log_artifact("a", source=source)
    newest = project.log_artifact("a", source=source, drop_existing=True)
    assert [row.key for row in project._store.list_summaries("artifact", name="a")] == [newest.key]


@pytest.mark.parametrize("name", ["a/b", "..", "../../etc", ""])
def test_an_output_name_that_leaves_its_folder_is_refused(project: Project, source: Path, name: str) -> None:
    with pytest.raises(OutputError, match="cannot be used"):
        project.log_artifact(name, source=source)
    assert project._store.list_summaries("artifact") == []


def test_what_fails_is_recorded_with_its_reason_and_is_not_the_latest(
    project: Project, source: Path, tmp_path: Path
) -> None:
    good = project.log_artifact("a", source=source)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError):
        project.log_artifact("a", source=source, path=str(tmp_path / "file/deeper"))
    rows = project._store.list_summaries("artifact", name="a")
    assert [row.state for row in rows] == ["ERROR", "READY"]
    assert project.get_artifact("a").key == good.key
    assert "not stored" in project.get_artifact(rows[0].key).status.message


def test_reading_by_key_name_and_version(project: Project, source: Path) -> None:
    first, second = project.log_artifact("a", source=source), project.log_artifact("a", source=source)
    assert project.get_artifact("a").key == second.key
    assert project.get_artifact("a", first.id).key == project.get_artifact(first.key).key == first.key
    assert project.get_artifact("store://p/artifact/artifact/a").key == second.key


def test_what_cannot_be_read_says_why(project: Project, source: Path, store: LocalStore) -> None:
    key = project.log_artifact("a", source=source).key
    with pytest.raises(InputError, match="no artifact named 'b'") as caught:
        project.get_artifact("b")
    assert "a" in caught.value.hint
    with pytest.raises(InputError, match="is a artifact, not a model"):
        project.get_model(key)
    with pytest.raises(InputError, match="belongs to the project 'p', not to 'q'"):
        Project(store, "q", {}).get_artifact(key)
    with pytest.raises(InputError, match="project"):
        Project(store, "a b", {})


def test_a_run_is_linked_to_what_it_makes_and_reads(store: LocalStore, source: Path) -> None:
    run_entity = run.start_run(store, "p", {})
    project = Project(store, "p", {}, run=run_entity)
    before = Project(store, "p", {}).log_artifact("before", source=source)
    artifact = project.log_artifact("made", source=source)
    project.get_artifact("before")
    assert artifact.metadata.relationships == [{"type": "produced_by", "dest": run_entity.key}]
    assert project.get_run(run_entity.id).metadata.relationships == [{"type": "consumes", "dest": before.key}]
    assert run_entity.logged == [artifact]


def test_a_function_has_a_new_revision_only_when_it_changes(project: Project) -> None:
    first = project.register_function("f", {"source": {"revision": "a"}})
    assert project.register_function("f", {"source": {"revision": "a"}}).key == first.key
    assert project.register_function("f", {"source": {"revision": "b"}}).key != first.key
