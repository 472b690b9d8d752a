"""Methods of a project, called as with the platform's SDK; both stores pass the same tests."""

from __future__ import annotations

import inspect
import time
from pathlib import Path
from typing import Any

import pandas
import pytest

from ovenbird.errors import InputError, OutputError, PlatformError
from ovenbird.platform.entities.run import start_run
from ovenbird.platform.postgres.store import PostgresStore
from ovenbird.platform.project.project import Project

TYPES = ["artifact", "dataitem", "model"]


def make(project: Project, entity_type: str, name: str = "a", text: str = "text", **options: Any) -> Any:
    """Log an entity of one file, which holds `text`."""
    Path("source.txt").write_text(text)
    return getattr(project, f"log_generic_{entity_type}")(name, source="source.txt", **options)


@pytest.mark.slow
@pytest.mark.parametrize("entity_type", TYPES)
def test_versions_are_listed_newest_first(either: Project, entity_type: str) -> None:
    """`get_*_versions` has every version of a name, `list_*` the latest of each."""
    first, second, other = make(either, entity_type), make(either, entity_type), make(either, entity_type, "b")
    versions = getattr(either, f"get_{entity_type}_versions")
    assert [entity.id for entity in versions("a")] == [second.id, first.id]
    assert [entity.id for entity in versions(first.key)] == [second.id, first.id]
    assert versions("nothing") == []
    listed = getattr(either, f"list_{entity_type}s")
    assert [entity.key for entity in listed()] == [other.key, second.key]
    assert [entity.key for entity in listed(versions="all")] == [other.key, second.key, first.key]
    assert [entity.key for entity in listed(name="a")] == [second.key]
    assert Path(listed(name="a")[0].as_file()[0]).read_text() == "text"


def test_lists_are_filtered(either: Project) -> None:
    """Each filter of `list_*` does what its name says, after the latest version of each name was picked."""
    item = make(either, "dataitem", "Cities")
    table = either.log_table("numbers", data=pandas.DataFrame({"a": [1]}))
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"kind": "table"}, [table.key]), ({"q": "cit"}, [item.key]), ({"state": "READY"}, [table.key, item.key]),
        ({"state": "ERROR"}, []), ({"created": "2020-01-01,2021-01-01"}, []), ({"user": "nobody"}, []),
        ({"updated": "2020-01-01T00:00:00Z,"}, [table.key, item.key]), ({"created": ",2021-01-01"}, []),
        ({"name": "numbers", "kind": "dataitem"}, []),
    ]  # fmt: skip
    for filters, keys in cases:
        assert [entity.key for entity in either.list_dataitems(**filters)] == keys, filters
    either.log_generic_dataitem("numbers", source="source.txt")
    assert either.list_dataitems(kind="table") == []
    assert [entity.key for entity in either.list_dataitems(kind="table", versions="all")] == [table.key]
    with pytest.raises(InputError, match="not a time in ISO 8601"):
        either.list_dataitems(created="yesterday,")
    with pytest.raises(InputError, match="versions is 'newest'"):
        either.list_dataitems(versions="newest")


@pytest.mark.parametrize("entity_type", TYPES)
def test_a_change_of_the_metadata_is_stored(either: Project, entity_type: str) -> None:
    """Labels, texts and relations of an entity are there again when it is read anew."""
    entity = make(either, entity_type, labels=["one"])
    entity.add_label("two")
    entity.add_labels(["two", "three"])
    entity.set_description("what it is")
    entity.set_version("v1")
    entity.set_name("A nice name")
    entity.add_relationship("part_of", "store://p/model/model/m:1")
    entity.add_relationship("part_of", "store://p/model/model/m:1")
    assert getattr(either, f"update_{entity_type}")(entity) is entity
    stored = getattr(either, f"get_{entity_type}")("a")
    assert (stored.metadata.labels, stored.metadata.description) == (["one", "two", "three"], "what it is")
    assert (stored.metadata.name, stored.name, stored.metadata.version) == ("A nice name", "a", "v1")
    assert stored.metadata.relationships == [{"type": "part_of", "dest": "store://p/model/model/m:1"}]
    with pytest.raises(ValueError, match="Label must be a string, not a int: 1"):
        entity.add_label(1)
    with pytest.raises(InputError, match=r"is a .*, not a function"):
        either.update_function(entity)


@pytest.mark.slow
@pytest.mark.parametrize("entity_type", TYPES)
def test_a_version_or_all_of_a_name_are_deleted(either: Project, entity_type: str) -> None:
    """A key, or a name with an id, means one version; `delete_all_versions` all; neither is an error."""
    first, second, third, other = (
        make(either, entity_type),
        make(either, entity_type),
        make(either, entity_type),
        make(either, entity_type, "b"),
    )
    delete, versions = getattr(either, f"delete_{entity_type}"), getattr(either, f"get_{entity_type}_versions")
    with pytest.raises(InputError, match="which version is to be deleted"):
        delete("a")
    delete(first.key)
    delete("a", entity_id=second.id)
    assert [entity.id for entity in versions("a")] == [third.id]
    make(either, entity_type)
    delete("a", delete_all_versions=True)
    assert versions("a") == []
    assert [entity.key for entity in getattr(either, f"list_{entity_type}s")()] == [other.key]
    with pytest.raises(InputError):
        delete(first.key)


def test_deleting_an_entity_removes_its_files_unless_cascade_is_off(project: Project, tmp_path: Path) -> None:
    """`cascade` removes stored files; files elsewhere always stay."""
    (tmp_path / "f.txt").write_text("text")
    with_files, without_files = (
        project.log_artifact("a", source=tmp_path / "f.txt"),
        project.log_artifact("a", source=tmp_path / "f.txt"),
    )
    outside = project.log_artifact("b", source=tmp_path / "f.txt", path=str(tmp_path / "outside.txt"))
    project.delete_artifact(with_files.key)
    project.delete_artifact(without_files.key, cascade=False)
    project.delete_artifact(outside.key)
    assert (Path(with_files.spec.path).exists(), Path(without_files.spec.path).exists()) == (False, True)
    assert (tmp_path / "outside.txt").read_text() == "text"


@pytest.mark.parametrize("entity_type", TYPES)
def test_an_exported_entity_is_imported(either: Project, entity_type: str) -> None:
    """`export` writes a file from which `import_*` makes a new version, or with `reset_id=False` the same one."""
    entity = make(either, entity_type, description="what it is", labels=["one"])
    path = entity.export()
    assert path == f"{entity_type}s-{entity.id}.yaml"
    imported = getattr(either, f"import_{entity_type}")(path)
    assert (imported.id != entity.id, imported.name, imported.kind) == (True, "a", entity.kind)
    assert (imported.spec.path, imported.metadata.labels) == (entity.spec.path, ["one"])
    assert Path(getattr(either, f"get_{entity_type}")("a").as_file()[0]).read_text() == "text"
    with pytest.raises(PlatformError, match="already exists"):
        getattr(either, f"import_{entity_type}")(file=path, reset_id=False)
    again = getattr(either, f"import_{entity_type}")(key=entity.key)
    assert again.metadata.description == "what it is"
    getattr(either, f"delete_{entity_type}")(entity.key, cascade=False)
    assert getattr(either, f"import_{entity_type}")(file=path, reset_id=False).id == entity.id


def test_what_cannot_be_imported_says_why(either: Project, tmp_path: Path) -> None:
    """A missing file, invalid YAML, a file without an entity, or an entity of another type is refused."""
    with pytest.raises(InputError, match="either `file` or `key`"):
        either.import_artifact()
    with pytest.raises(InputError, match=r"nothing\.yaml cannot be read"):
        either.import_artifact("nothing.yaml")
    for text, message in (("{", "is not YAML"), ("[]", "not an entity"), ("name: a", "its kind is None"),
                       ("{name: a, kind: artifact, spec: 1}", "its spec is 1")):  # fmt: skip
        Path("x.yaml").write_text(text)
        with pytest.raises(InputError, match=message):
            either.import_artifact("x.yaml")
    with pytest.raises(InputError, match="is a artifact, not a model"):
        either.import_model(make(either, "artifact").export())


@pytest.mark.slow
def test_models_of_each_kind(either: Project) -> None:
    """`log_huggingface` and its like store a model of their kind."""
    Path("m.bin").write_bytes(b"m")
    kinds = {
        verb: getattr(either, f"log_{verb}")(verb, source="m.bin", framework="f").kind
        for verb in ("huggingface", "sklearn", "mlflow", "generic_model")
    }
    assert kinds == {"huggingface": "huggingface", "sklearn": "sklearn", "mlflow": "mlflow", "generic_model": "model"}
    assert either.log_huggingface("h", source="m.bin", base_model="bert").spec.base_model == "bert"
    assert either.get_model("sklearn").spec.framework == "f"


def test_listed_files_may_keep_their_folders(either: Project) -> None:
    """With `keep_dir_structure` a list of files is stored under their paths."""
    Path("d/e").mkdir(parents=True)
    for path in ("d/one.txt", "d/e/two.txt"):
        Path(path).write_text(path)
    artifact = either.log_artifact("a", source=["d/one.txt", "d/e/two.txt"], keep_dir_structure=True)
    assert sorted(artifact.get_file_paths()) == ["d/e/two.txt", "d/one.txt"]
    assert sorted(info["path"] for info in artifact.files) == ["d/e/two.txt", "d/one.txt"]
    assert "keep_dir_structure" not in artifact.spec
    with pytest.raises(OutputError, match="lies outside"):
        either.log_artifact("a", source=["../x"], keep_dir_structure=True)


def test_functions_are_recorded(either: Project) -> None:
    """A function is made as the SDK takes it, listed with its revisions, exported, and deleted."""
    Path("main.py").write_text("def go(): pass\n")
    first = either.new_function("f", "python", python_version="PYTHON3_10", code_src="main.py", handler="go")
    second = either.new_function("f", "python", code="def go(): return 1\n", handler="main:go", requirements=["numpy"])
    assert first.spec.source == {
        "lang": "python", "handler": "go", "source": "main.py", "base64": "ZGVmIGdvKCk6IHBhc3MK",
    }  # fmt: skip
    assert either.get_function("f").id == second.id
    assert either.get_function(first.key).spec.source.base64 == "ZGVmIGdvKCk6IHBhc3MK"
    assert [function.id for function in either.get_function_versions("f")] == [second.id, first.id]
    assert [function.id for function in either.list_functions()] == [second.id]
    imported = either.import_function(second.export())
    assert (imported.spec.source.handler, imported.spec.requirements) == ("main:go", ["numpy"])
    either.delete_function("f", delete_all_versions=True)
    assert either.list_functions() == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "container"}, "is of kind 'container'"), ({}, "its handler is not named"),
        ({"handler": "f"}, "has no source"), ({"handler": "f", "code": "", "colour": 1}, "has no 'colour'"),
        ({"handler": "f", "base64": "!"}, "base64 is '!'"),
    ], ids=["kind", "handler", "source", "unknown", "base64"],
)  # fmt: skip
def test_a_function_that_cannot_be_recorded_says_why(project: Project, options: dict[str, Any], message: str) -> None:
    """Nothing is recorded of a function that no platform could run."""
    with pytest.raises(InputError, match=message):
        project.new_function("f", **{"kind": "python", **options})
    assert project.list_functions() == []


def test_the_runs_of_a_function_are_listed(either: Project) -> None:
    """Only runs of that revision are listed, and each is read by its id."""
    first = either.new_function("f", "python", code="1", handler="f")
    second = either.new_function("f", "python", code="2", handler="f")
    run = start_run(either._store, "p", {}, function=first.key)
    run.save(update=True)
    assert [listed.id for listed in first.list_runs()] == [run.id]
    assert (second.list_runs(), first.list_runs(state="COMPLETED")) == ([], [])
    assert first.get_run(run.id).key == run.key
    with pytest.raises(InputError, match="is not a run of"):
        second.get_run(run.id)


def test_extensions_are_refused(project: Project) -> None:
    """Extensions would be lost, so they are an error."""
    with pytest.raises(InputError, match="extensions of entities are not kept"):
        project.new_artifact("a", "artifact", path="s3://b/x", extensions=[{"name": "x"}])
    assert project.new_artifact("a", "artifact", path="s3://b/x", extensions=[]).spec.path == "s3://b/x"


def test_secret_values_are_stored_apart(either: Project) -> None:
    """A secret's value is read back by its name, and is in no record; a database refuses it, and records nothing."""
    if isinstance(either._store, PostgresStore):
        with pytest.raises(PlatformError, match="TOKEN is not stored"):
            either.new_secret("TOKEN", secret_value="s3cr3t-value")
        assert either.list_secrets() == []
        return
    created = either.new_secret("TOKEN", secret_value="s3cr3t-value", description="of the bank")
    assert created.read_secret_value() == "s3cr3t-value"
    stored = either.get_secret("TOKEN")
    assert (stored.id, stored.metadata.description) == (created.id, "of the bank")
    stored.set_secret_value("another-value")
    assert either.get_secret(created.key).read_secret_value() == "another-value"
    assert [secret.name for secret in either.list_secrets()] == ["TOKEN"]
    text = stored.to_json() + repr(stored) + Path(stored.export()).read_text()
    assert "another-value" not in text
    assert "s3cr3t-value" not in text
    either.delete_secret("TOKEN", delete_all_versions=True)
    assert either.list_secrets() == []
    with pytest.raises(InputError, match="TOKEN"):
        either.get_secret("TOKEN")
    with pytest.raises(InputError, match="not text"):
        either.new_secret("OTHER")


def test_a_secret_of_the_environment_is_found(either: Project) -> None:
    """A variable that the platform gives to a run is a secret of that name, and is not recorded."""
    assert either.get_secret("FROM_OUTSIDE").read_secret_value() == "of the environment"
    assert either.list_secrets() == []


def test_a_secret_of_the_local_store_is_private(project: Project) -> None:
    """Its file and its folders are its owner's alone; its value is not in the database."""
    project.new_secret("TOKEN", secret_value="s3cr3t-value")
    (path,) = project._store.home.rglob("TOKEN")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == path.parent.parent.stat().st_mode & 0o777 == 0o700
    assert b"s3cr3t-value" not in b"".join(file.read_bytes() for file in project._store.home.glob("ovenbird.db*"))


def test_the_project_itself_is_recorded(either: Project) -> None:
    """`save(update=True)` stores labels and texts of a project, `refresh` reads them, `to_dict` shows them."""
    either.set_description("of cities")
    either.add_labels(["one", "two"])
    assert either.save(update=True) is either
    again = Project(either._store, "p", {})
    assert (again.metadata.description, again.metadata.labels) == ("of cities", ["one", "two"])
    again.add_label("three")
    assert again.refresh().metadata.labels == ["one", "two"]
    assert (again.to_dict()["name"], again.to_dict()["kind"], again.to_dict()["key"]) == ("p", "project", "store://p")
    assert '"of cities"' in again.to_json()
    with pytest.raises(PlatformError, match="already exists"):
        again.save()


def test_a_project_is_exported_with_its_entities(either: Project) -> None:
    """The file of a project names a file for each of its entities, which `import_*` reads."""
    entity = make(either, "artifact")
    path = either.export()
    assert path == "projects-p.yaml"
    text = Path(path).read_text()
    assert f"artifacts-{entity.id}.yaml" in text
    assert either.import_artifact(f"artifacts-{entity.id}.yaml").name == "a"


def test_entities_are_searched(either: Project) -> None:
    """Entities match by type, name, a part of a text, labels, kind and time; unreadable entities never match."""
    artifact = make(either, "artifact", "cities", labels=["big", "red"], description="Towns of Trentino")
    item = make(either, "dataitem", "numbers", labels=["big"])
    cases: list[tuple[dict[str, Any], set[str]]] = [
        ({"query": "cit"}, {artifact.key}), ({"query": "TRENTINO"}, {artifact.key}), ({"query": "nothing"}, set()),
        ({"labels": ["big"]}, {artifact.key, item.key}), ({"labels": ["big", "red"]}, {artifact.key}),
        ({"entity_types": ["dataitem"]}, {item.key}), ({"name": "numbers"}, {item.key}),
        ({"description": "towns"}, {artifact.key}), ({"created": ",2021-01-01"}, set()),
        ({"kind": "artifact", "entity_types": ["artifact", "dataitem"]}, {artifact.key}),
    ]  # fmt: skip
    for filters, keys in cases:
        living, dead = either.search_entity(**filters)
        assert ({entity.key for entity in living}, dead) == (keys, []), filters
    with pytest.raises(InputError, match="there is no entity type 'workflow'"):
        either.search_entity(entity_types=["workflow"])
    with pytest.raises(InputError, match="'colour' is not a filter"):
        either.search_entity(colour="red")


@pytest.mark.parametrize("name", ["new_workflow", "list_triggers", "get_containerimage", "share", "run", "log_nothing"])
def test_what_is_not_there_says_so(project: Project, name: str) -> None:
    """A method of the SDK that Ovenbird lacks is an AttributeError with that reason; an unknown name is one too."""
    message = "has no attribute" if name == "log_nothing" else "is of the platform's SDK and not of Ovenbird: "
    with pytest.raises(AttributeError, match=f"Project.*{name}|{name}") as caught:
        getattr(project, name)
    assert message in str(caught.value)
    assert not hasattr(project, name)
    artifact = project.log_artifact("a", data=b"x")
    with pytest.raises(AttributeError, match=r"Artifact\.as_dataset is of the platform's SDK"):
        artifact.as_dataset()
    function = project.new_function("f", "python", code="", handler="f")
    with pytest.raises(AttributeError, match=r"Function\.trigger is of the platform's SDK"):
        function.trigger("job")


# The parameters of the platform's SDK (digitalhub 0.15.11), in its order: a function that is written for it may give
# them by position.
_LISTED = ["q", "name", "kind", "user", "state", "created", "updated", "versions"]
_LOGGED = ["source", "drop_existing", "path", "description", "labels", "kwargs"]
_NEW = ["name", "kind", "uuid", "description", "labels", "embedded"]
_SIGNATURES = {
    "get_{}": ["identifier", "entity_id"], "get_{}_versions": ["identifier"], "list_{}s": _LISTED,
    "import_{}": ["file", "key", "reset_id"], "update_{}": ["entity"],
    "delete_{}": ["identifier", "entity_id", "delete_all_versions", "cascade"],
}  # fmt: skip
_OTHERS = {
    "log_artifact": ["name", "kind", *_LOGGED], "log_model": ["name", "kind", *_LOGGED],
    "log_generic_artifact": ["name", *_LOGGED], "log_generic_model": ["name", *_LOGGED],
    "log_generic_dataitem": ["name", *_LOGGED], "log_croissant": ["name", *_LOGGED],
    "log_huggingface": ["name", *_LOGGED], "log_sklearn": ["name", *_LOGGED], "log_mlflow": ["name", *_LOGGED],
    "log_dataitem": [
        "name", "kind", "source", "data", "drop_existing", "description", "labels", "extension", "path",
        "file_format", "read_df_params", "engine", "kwargs",
    ],
    "log_table": [
        "name", "source", "data", "sql", "drop_existing", "path", "description", "labels", "file_format",
        "read_df_params", "engine", "kwargs",
    ],
    "new_artifact": [*_NEW, "path", "extensions", "kwargs"], "new_dataitem": [*_NEW, "path", "extensions", "kwargs"],
    "new_model": [*_NEW, "path", "extensions", "kwargs"], "new_function": [*_NEW, "kwargs"],
    "new_secret": ["name", "uuid", "description", "labels", "embedded", "secret_value", "kwargs"],
    "get_secret": ["identifier", "entity_id"], "list_secrets": [], "import_secret": ["file", "key", "reset_id"],
    "update_secret": ["entity"], "delete_secret": ["identifier", "entity_id", "delete_all_versions"],
    "get_run": ["identifier"], "delete_run": ["identifier", "entity_id"],
    "list_runs": [*_LISTED[:-1], "function", "workflow", "task", "action"],
    "save": ["update"], "refresh": [], "export": [], "to_dict": [], "to_json": [],
    "search_entity": [
        "query", "entity_types", "name", "kind", "created", "updated", "description", "labels", "kwargs",
    ],
}  # fmt: skip


def test_the_signatures_are_those_of_the_sdk(project: Project) -> None:
    """Each method has the parameters of the SDK's, under the same names and in the same order."""
    expected = dict(_OTHERS)
    for entity_type in (*TYPES, "function"):
        expected |= {name.format(entity_type): names for name, names in _SIGNATURES.items()}
    signatures = {name: list(inspect.signature(getattr(project, name)).parameters) for name in expected}
    assert signatures == expected
    assert set(expected) <= set(dir(project))


def test_dates_of_filters_are_utc(either: Project) -> None:
    """`created` takes an entity that has just been made when the interval holds the present."""
    entity = make(either, "artifact")
    day = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - 600))
    assert [listed.key for listed in either.list_artifacts(created=f"{day},")] == [entity.key]
    assert either.list_artifacts(created=f",{day}Z") == []
