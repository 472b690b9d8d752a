"""Names and ids work wherever a key does, and an empty result names the store that was searched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.core.server import Double
from tests.jobs import Jobs
from tests.stores import Server, send_reply

from ovenbird.errors import InputError
from ovenbird.platform import queries
from ovenbird.platform.entities import input_resolution
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.project.project import Project

_TRAIN = """
from ovenbird import handler
from pathlib import Path

@handler(outputs=["words"])
def handler(data: Path):
    return [word for word in data.read_text().split() for _ in range(1000)]
"""


def test_a_name_an_id_or_its_beginning_is_an_input(project: Project) -> None:
    """Text that is no file is looked up in the project: by name, by id, by the beginning of an id."""
    old = project.log_artifact("words", data=b"old")
    new = project.log_artifact("words", data=b"new")
    model = project.log_model("other", data=b"model")
    assert input_resolution.resolve_input(project, "x", "words").key == new.key
    assert input_resolution.resolve_input(project, "x", old.id).key == old.key
    assert input_resolution.resolve_input(project, "x", model.id[:12]).key == model.key


def test_a_file_comes_before_a_name(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is called as an artifact is the file."""
    monkeypatch.chdir(tmp_path)
    project.log_artifact("words", data=b"stored")
    Path("words").write_text("a file")
    assert input_resolution.resolve_input(project, "x", "words").spec.path == str(tmp_path / "words")


def test_a_name_of_several_things_is_refused_with_their_keys(project: Project, store: LocalStore) -> None:
    """The message says what is called so, and the keys to choose from."""
    artifact, model = project.log_artifact("same", data=b"a"), project.log_model("same", data=b"m")
    with pytest.raises(InputError, match="'same' means several things: artifact, model") as raised:
        input_resolution.resolve_input(project, "x", "same")
    assert artifact.key in raised.value.hint
    assert model.key in raised.value.hint
    assert queries.locate_entity(store, "model", "same").id == model.id


def test_an_exact_name_counts_before_the_beginnings_of_ids(store: LocalStore) -> None:
    """A model called `a` is meant, however many runs and artifacts have ids that begin so."""
    project = Project(store, "p", {})
    model = project.log_model("a", data=b"m")
    for number in range(3):
        project.log_artifact("other", data=b"a", uuid=f"a{number}")
    assert queries.locate_any(store, "a").id == model.id
    with pytest.raises(InputError, match="is the beginning of several ids"):
        queries.locate_any(store, "a", types=("artifact",))


def test_the_error_for_a_missing_entity_names_the_store(project: Project, store: LocalStore) -> None:
    """An input that is no file and no name: the store and the project that were looked in, and what there is."""
    project.log_artifact("words", data=b"x")
    with pytest.raises(InputError, match="no file 'wrods', and no data item, artifact or model is called so") as raised:
        input_resolution.resolve_input(project, "x", "wrods")
    assert str(store.home) in raised.value.message
    assert "project 'p'" in raised.value.message
    assert "in the store there are: artifact words" in raised.value.hint


@pytest.mark.slow
def test_verbs_take_names(jobs: Jobs) -> None:
    """`lineage`, `show`, `get`, `rm` and `--input` by name; `lineage latest` is of the last run."""
    (jobs.folder / "data.txt").write_text("one two")
    jobs.write(_TRAIN)
    jobs.run_verb("run", "main.py", "--input", "data=data.txt")
    key = jobs.run_verb("lineage", "words").split()[0]
    assert key.startswith("store://default/artifact/artifact/words:")
    assert jobs.run_verb("lineage", key.rpartition(":")[2][:12]).split()[0] == key
    assert jobs.run_verb("lineage", "latest").startswith("store://default/run/")
    assert "`ovenbird runs list --all` lists them" in jobs.start_ovenbird("runs", "show", "zzz").communicate()[1]
    assert (
        json.loads(Path(jobs.folder, jobs.run_verb("artifacts", "get", "words", "got").strip()).read_text())[0] == "one"
    )
    source = "def handler(data: list): return len(data)\n"
    assert jobs.run(source, "--input", "data=words").result["results"] == {"output_0": 2000}
    assert jobs.run_verb("artifacts", "rm", "words").strip() == key


def test_an_empty_answer_says_which_store(jobs: Jobs) -> None:
    """The store is named on stderr, so that stdout stays JSON; errors name it too."""
    for words in (("runs", "list"), ("models", "list", "--project", "q")):
        process = jobs.start_ovenbird(*words)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, json.loads(out)) == (0, [])
        assert str(jobs.home) in err
    for words in (("lineage", "none"), ("models", "show", "none"), ("runs", "rm", "none")):
        process = jobs.start_ovenbird(*words)
        assert str(jobs.home) in process.communicate(timeout=60)[1]
        assert process.returncode == 78


def test_the_store_tells_where_it_is_and_what_it_holds(jobs: Jobs) -> None:
    """Its folder, the versions of each type in each project, its files and their size."""
    assert json.loads(jobs.run_verb("store"))["projects"] == {}
    (jobs.folder / "data.txt").write_text("one two")
    jobs.write(_TRAIN)
    jobs.run_verb("run", "main.py", "--input", "data=data.txt")
    summary = json.loads(jobs.run_verb("store"))
    assert summary["location"] == str(jobs.home)
    counts = {"runs": 1, "dataitems": 1, "artifacts": 1, "models": 0, "functions": 1}
    assert summary["projects"] == {"default": counts}
    assert summary["files"] >= 2
    assert summary["bytes"] > 16_000


@pytest.mark.slow
def test_the_same_on_core(core: Double, jobs: Jobs, platform: dict[str, str]) -> None:
    """Core takes names as inputs and for lineage, within a project, and its address is what an empty answer names."""
    (jobs.folder / "data.txt").write_text("one two")
    process = jobs.start_ovenbird("models", "list", "--project", "p", **platform)
    assert platform["DHCORE_ENDPOINT"] in process.communicate(timeout=60)[1]
    first = jobs.run(_TRAIN, "--project", "p", "--input", "data=data.txt", **platform)
    assert first.code == 0, first.err
    source = "def handler(data: list): return len(data)\n"
    job = jobs.run(source, "--project", "p", "--input", "data=words", **platform)
    assert (job.code, job.result["results"]) == (0, {"output_0": 2000}), job.err
    lines = jobs.run_verb("lineage", "words", "--project", "p", "--verify", **platform).splitlines()
    assert lines[0].startswith("store://p/artifact/artifact/words:")
    assert lines[0].endswith("[unchanged]")
    summary = json.loads(jobs.run_verb("store", "--project", "p", **platform))
    assert (summary["location"], summary["files"]) == (platform["DHCORE_ENDPOINT"], None)
    assert summary["projects"]["p"]["runs"] == 2


@pytest.mark.slow
def test_verify_says_which_inputs_have_changed(jobs: Jobs, server: Server) -> None:
    """The exit status is 1 where a file, a stored copy or what a URL answers is another."""
    bodies = {"text": b"from the web"}
    server.answer = lambda request: send_reply(request, bodies["text"])
    (jobs.folder / "data.txt").write_text("one two")
    jobs.write(_TRAIN.replace("data: Path", "data: Path, web: str"))
    jobs.run_verb("run", "main.py", "--input", "data=data.txt", "--input", f"web={server.url}/x.txt")
    assert jobs.run_verb("lineage", "words", "--verify").count("[unchanged]") == 3
    (jobs.folder / "data.txt").write_text("one two three")
    bodies["text"] = b"from the Web"
    process = jobs.start_ovenbird("lineage", "words", "--verify")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (1, "")
    assert "[changed: size 7, now 13]" in out
    assert "[changed: another digest]" in out
    assert out.splitlines()[0].endswith("[unchanged]")
    (jobs.folder / "data.txt").unlink()
    Path(jobs.read_entity("artifacts", "words")["spec"]["path"]).write_text("edited")
    process = jobs.start_ovenbird("lineage", "words", "--verify", "--format", "json")
    tree = json.loads(process.communicate(timeout=60)[0])
    assert (process.returncode, tree["check"]["state"]) == (1, "changed")
    states = {
        source.get("name"): source["check"]["state"] for source in tree["sources"][0]["sources"] if "check" in source
    }
    assert states == {"data": "missing", "web": "changed"}
    assert jobs.run_verb("lineage", "words").count("changed") == 0


def test_verify_does_not_guess(project: Project, store: LocalStore) -> None:
    """An entity without a recorded digest is `unknown`."""
    from ovenbird.platform.entities.content_check import check_content
    from ovenbird.platform.keys import parse_key

    item = project.new_dataitem("x", path=__file__)
    assert check_content(store, store.read(parse_key(item.key)), {}) == {
        "state": "unknown",
        "reason": "no digest is recorded",
    }
    missing = project.new_dataitem("y", path="/gone/file")
    assert check_content(store, store.read(parse_key(missing.key)), {})["state"] == "missing"
