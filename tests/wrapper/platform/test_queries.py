from __future__ import annotations

from pathlib import Path

import pytest

from ovenbird.errors import InputError
from ovenbird.platform import queries
from ovenbird.platform.entities import run
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.project.project import Project


def test_listings_show_runs_all_and_others_by_their_latest(store: LocalStore, project: Project) -> None:
    first, second = run.start_run(store, "p", {}), run.start_run(store, "p", {})
    first.finish("ERROR")
    project.log_artifact("a", data=b"1")
    newest = project.log_artifact("a", data=b"2")
    assert [row.id for row in queries.list_rows(store, "run")] == [second.id, first.id]
    assert [row.id for row in queries.list_rows(store, "run", state="error")] == [first.id]
    assert [row.key for row in queries.list_rows(store, "artifact")] == [newest.key]
    assert len(queries.list_rows(store, "artifact", versions=True)) == 2
    with pytest.raises(InputError, match="'done'"):
        queries.list_rows(store, "run", state="done")


def test_an_entity_is_located_by_key_name_id_and_beginning(store: LocalStore, project: Project) -> None:
    entity = project.log_artifact("a", data=b"1")
    for text in (entity.key, "store://p/artifact/artifact/a", "a", entity.id, entity.id[:9]):
        assert str(queries.locate_entity(store, "artifact", text)) == entity.key
    run_entity = run.start_run(store, "p", {})
    assert str(queries.locate_entity(store, "run", run_entity.id[:9])) == run_entity.key


def test_what_is_not_or_not_uniquely_meant_is_refused(store: LocalStore, project: Project) -> None:
    for identity in ("abc1", "abc2"):
        project.new_model("m", path="x", uuid=identity)
    Project(store, "q", {}).new_model("m", path="x")
    with pytest.raises(InputError, match="is the beginning of several ids"):
        queries.locate_entity(store, "model", "abc")
    with pytest.raises(InputError, match="in several projects: q, p"):
        queries.locate_entity(store, "model", "m")
    assert queries.locate_entity(store, "model", "m", project="p").id == "abc2"
    with pytest.raises(InputError, match="no model 'x'") as caught:
        queries.locate_entity(store, "model", "x")
    assert "there are: m" in caught.value.hint
    with pytest.raises(InputError, match="no run 'x'") as caught:
        queries.locate_entity(store, "run", "x")
    assert caught.value.hint == "no run is stored there yet"
    with pytest.raises(InputError, match="is a model, not a artifact"):
        queries.locate_entity(store, "artifact", "store://p/model/model/m")


def test_an_entity_is_printed_and_downloaded(store: LocalStore, project: Project, tmp_path: Path) -> None:
    key = queries.locate_entity(store, "artifact", project.log_artifact("a", data=b"1").key)
    assert queries.read_shown_record(store, key, {})["status"]["files"][0]["hash"].startswith("md5:")
    assert Path(queries.fetch_files(store, key, {}, str(tmp_path / "out/"))).read_bytes() == b"1"
    function = project.register_function("f", {})
    with pytest.raises(InputError, match="has no files"):
        queries.fetch_files(store, queries.locate_entity(store, "function", function.key), {}, str(tmp_path))


def test_removing_takes_stored_files_and_leaves_registered_ones(
    store: LocalStore, project: Project, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text("x")
    registered, stored = project.new_dataitem("d", path=str(mine)), project.log_dataitem("d", source=mine)
    removed = queries.remove_entities(store, queries.locate_entity(store, "dataitem", stored.key), {}, versions=True)
    assert set(removed) == {registered.key, stored.key}
    assert mine.exists()
    assert not Path(stored.spec.path).parent.exists()
    assert store.list_summaries("dataitem") == []


def test_files_stay_on_request(store: LocalStore, project: Project) -> None:
    stored = project.log_artifact("a", data=b"1")
    queries.remove_entities(store, queries.locate_entity(store, "artifact", "a"), {}, keep_files=True)
    assert Path(stored.spec.path).exists()


@pytest.mark.slow
def test_outputs_are_copied_by_their_names(store: LocalStore, project: Project, tmp_path: Path) -> None:
    """Two models of one run are both `model.pkl`, and two folders may hold the same names: none replaces another.

    What cannot be copied is told when the rest is.
    """
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.txt").write_text("folder")
    outputs = {
        name: project.log_model(name, write=lambda path, n=name: path.write_text(n) and None, filename=filename).key
        for name, filename in (
            ("forest", "model.pkl"), ("linear", "model.pkl"), ("table", "t.csv.gz"), ("report.pdf", "r.pdf"),
            ("report", "other.pdf"), ("plain", "plain"),
        )
    }  # fmt: skip
    outputs |= {name: project.log_artifact(name, source=tmp_path / "in").key for name in ("one", "two")}
    outputs["gone"] = project.new_artifact("gone", path=str(tmp_path / "gone")).key
    outputs["function"] = project.register_function("f", {}).key
    with pytest.raises(InputError, match="gone cannot be read"):
        list(queries.fetch_outputs(store, outputs, {}, str(tmp_path / "some")))
    assert len(list((tmp_path / "some").iterdir())) == 8
    del outputs["gone"]
    paths = list(queries.fetch_outputs(store, outputs, {}, str(tmp_path / "out")))
    names = ["forest.pkl", "linear.pkl", "table.csv.gz", "report.pdf", "2-report", "plain", "one", "two"]
    assert paths == [str(tmp_path / "out" / name) for name in names]
    contents = ["forest", "linear", "table", "report.pdf", "report", "plain"]
    assert [Path(path).read_text() for path in paths[:6]] == contents
    assert [(Path(path) / "a.txt").read_text() for path in paths[6:]] == ["folder", "folder"]
    with pytest.raises(InputError, match=r"forest\.pkl exists"):
        list(queries.fetch_outputs(store, outputs, {}, str(tmp_path / "out")))
    assert len(list(queries.fetch_outputs(store, outputs, {}, str(tmp_path / "out"), overwrite=True))) == 8
