"""Parts of a run that user code reads, waits for and stops; both stores pass the same tests."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from tests.core.server import Double

from ovenbird.errors import InputError, PlatformError
from ovenbird.platform.core.store import DigitalHubStore
from ovenbird.platform.entities.run import Run, start_run
from ovenbird.platform.entities.run_log import LogTail
from ovenbird.platform.project.project import Project


def begin_run(project: Project, **spec: object) -> Run:
    """Start a run of a function that is known."""
    function = project.new_function("f", "python", code="def f(): pass", handler="f")
    run = start_run(project._store, "p", {}, function=function.key, spec=spec)
    run.save(update=True)
    return run


def test_outputs_are_entities_keys_or_records(either: Project) -> None:
    """`outputs` gives entities that can be read, `as_key` their keys, `as_dict` their records; `output` one of them."""
    artifact = either.log_artifact("a", data=b"text")
    model = either.log_model("m", data=b"model")
    run = begin_run(either)
    run.finish("COMPLETED", outputs={"x": artifact.key, "y": model.key}, results={"total": 42})
    run_entity = either.get_run(run.id)
    outputs = run_entity.outputs()
    assert {name: (entity.key, type(entity).__name__) for name, entity in outputs.items()} == {
        "x": (artifact.key, "Artifact"), "y": (model.key, "Model"),
    }  # fmt: skip
    assert Path(run_entity.output("x").as_file()[0]).read_bytes() == b"text"
    assert run_entity.output("x", as_key=True) == artifact.key
    assert run_entity.outputs(as_key=True) == {"x": artifact.key, "y": model.key}
    assert run_entity.output("y", as_dict=True)["id"] == model.id
    assert (run_entity.output("z"), run_entity.results(), run_entity.result("total"), run_entity.result("none")) == (
        None, {"total": 42}, 42, None,
    )  # fmt: skip
    assert begin_run(either).outputs() == {}


def test_inputs_are_entities(either: Project, tmp_path: Path) -> None:
    """An input that was given as a key is that entity; one that was given as a path is the data item of it."""
    (tmp_path / "x.csv").write_text("a\n1\n")
    artifact = either.log_artifact("a", data=b"text")
    run = begin_run(either, inputs={"one": artifact.key, "two": str(tmp_path / "x.csv")})
    item = either.referenced("two", "table", str(tmp_path / "x.csv"))
    run.consume(item.key)
    inputs = run.inputs()
    assert {name: entity.key for name, entity in inputs.items()} == {"one": artifact.key, "two": item.key}
    assert run.inputs(as_dict=True)["one"]["name"] == "a"
    assert begin_run(either).inputs() == {}
    with pytest.raises(InputError, match="its input 'three' was not read"):
        begin_run(either, inputs={"three": "x.csv"}).inputs()


def test_what_a_run_reads_of_another_is_consumed(either: Project) -> None:
    """Outputs of an earlier run, read within a run, are linked to that."""
    artifact = either.log_artifact("a", data=b"text")
    earlier, later = begin_run(either), begin_run(either)
    earlier.finish("COMPLETED", outputs={"x": artifact.key})
    project = Project(either._store, "p", either._environ, run=later)
    assert project.get_run(earlier.id).output("x").key == artifact.key
    later.finish("COMPLETED")
    assert {"type": "consumes", "dest": artifact.key} in either.get_run(later.id).metadata.relationships
    assert project.list_runs(state="COMPLETED")[-1].output("x").key == artifact.key


def test_metrics_are_those_of_the_store(either: Project) -> None:
    """`metrics` has what was logged, also on an object that was listed without them."""
    run = begin_run(either)
    run.log_metric("loss", 1.0)
    run.log_metric("loss", 0.5)
    run.log_metrics({"accuracy": 0.9})
    assert run.metrics == {"loss": [1.0, 0.5], "accuracy": 0.9}
    assert either.get_run(run.id).metrics == run.metrics
    assert either.list_runs()[0].metrics == run.metrics
    model = either.log_model("m", data=b"model")
    assert model.metrics == {}
    model.log_metric("r2", 0.5, single_value=True)
    assert (either.get_model("m").metrics, either.list_models()[0].metrics) == ({"r2": 0.5}, {"r2": 0.5})


def test_runs_are_listed_and_deleted(either: Project) -> None:
    """Runs are filtered by state, function, kind and action, newest first; a run that has not ended is not deleted."""
    first, second = begin_run(either), begin_run(either)
    first.finish("COMPLETED")
    assert [run.id for run in either.list_runs()] == [second.id, first.id]
    assert [run.id for run in either.list_runs(state="COMPLETED")] == [first.id]
    assert [run.id for run in either.list_runs(function=str(second.spec.function))] == [second.id]
    for every in ("f", "python://p/f", "store://p/function/python/f"):
        assert [run.id for run in either.list_runs(function=every)] == [second.id, first.id]
    assert (either.list_runs(function="ff"), either.list_runs(kind="other")) == ([], [])
    assert [run.id for run in either.list_runs(action="job", state="COMPLETED")] == [first.id]
    assert either.list_runs(action="serve") == []
    either.delete_run(first.id)
    assert [run.id for run in either.list_runs()] == [second.id]
    with pytest.raises(PlatformError, match="still running"):
        either.delete_run(second.key, second.id)


@pytest.mark.slow
def test_a_run_is_waited_for(either: Project) -> None:
    """`wait` returns the run when another has recorded its end, at once when it has ended."""
    run = begin_run(either)
    waiting = either.get_run(run.id)
    timer = threading.Timer(0.5, run.finish, ["COMPLETED"], {"results": {"r": 1}})
    timer.start()
    try:
        assert waiting.wait(log_info=False) is waiting
    finally:
        timer.join()
    assert (waiting.status.state, waiting.result("r")) == ("COMPLETED", 1)
    assert waiting.wait().status.state == "COMPLETED"


def test_a_run_that_waits_for_itself_is_an_error(either: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that waited for itself would never end."""
    run = begin_run(either)
    monkeypatch.setenv("RUN_ID", run.id)
    with pytest.raises(PlatformError, match="waits for itself"):
        run.wait()


def test_a_run_on_core_is_stopped_there(core: Double, platform: dict[str, str]) -> None:
    """`stop` makes one call, and none for a run that has ended; `resume` another."""
    store = DigitalHubStore(platform, 5.0)
    project = Project(store, "p", platform)
    run = begin_run(project)
    project.get_run(run.id).stop()
    calls = core.counts()
    assert calls["POST runs/{id}/stop"] == 1
    ended = begin_run(project)
    ended.finish("COMPLETED")
    ended.stop()
    assert core.counts()["POST runs/{id}/stop"] == 1
    run.resume()
    assert core.counts()["POST runs/{id}/resume"] == 1
    store.close()


def test_a_stopped_run_of_this_machine_is_not_resumed(project: Project) -> None:
    """The memory of the run is gone; the message says what to do."""
    with pytest.raises(PlatformError, match="ovenbird run"):
        begin_run(project).resume()


def test_logs_have_text(project: Project) -> None:
    """The log is one part with `text`; a run that has logged nothing has none."""
    run = begin_run(project)
    assert run.logs() == []
    project._store.log_file("p", run.id).write_text("one\ntwo\n")
    assert [log.text for log in run.logs()] == ["one\ntwo"]
    assert repr(run.logs()) == "[<Log of 7 characters>]"


def test_a_log_is_read_bit_by_bit(project: Project) -> None:
    """Each part once, also where a line was half written; together they are the log."""
    run = begin_run(project)
    log, tail = project._store.log_file("p", run.id), LogTail(run)
    assert log is not None
    parts = [tail.read()]
    for text in ("one\ntw", "", "o\n", "\nfour", "\nfive\n"):
        with log.open("a") as file:
            file.write(text)
        parts.append(tail.read())
    assert parts == ["", "one\ntw", "", "o", "\n\nfour", "\nfive"]
    assert "".join(parts) == run.logs
    assert tail.is_within_line


def test_logs_of_core_have_text(core: Double, platform: dict[str, str]) -> None:
    """The parts that the cluster has collected are one text."""
    store = DigitalHubStore(platform, 5.0)
    run = begin_run(Project(store, "p", platform))
    assert run.logs() == []
    core.entities.logs[run.id] = ["one\ntwo\n"]
    assert [log.text for log in run.logs()] == ["one\ntwo"]
    store.close()
