from __future__ import annotations

import pytest

from ovenbird.platform import keys
from ovenbird.platform.entities import run
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.project.project import Project


def test_a_run_is_running_until_it_is_finished(store: LocalStore, project: Project) -> None:
    run_entity = run.start_run(store, "p", {}, spec={"parameters": {"n": 3}}, status={"provenance": {"python": "3.12"}})
    record = store.read(keys.parse_key(run_entity.key))
    assert (record["status"]["state"], record["spec"]["parameters"]) == ("RUNNING", {"n": 3})
    run_entity.finish("COMPLETED", outputs={"a": "store://p/artifact/artifact/a:1"}, results={"r": 1})
    again = project.get_run(run_entity.id)
    assert again.status.state == "COMPLETED"
    assert again.status.provenance.python == "3.12"
    assert (again.outputs(as_key=True), again.results()) == ({"a": "store://p/artifact/artifact/a:1"}, {"r": 1})
    assert again.status.started <= again.status.ended
    assert store.list_summaries("run")[0].ended == again.status.ended


def test_an_error_keeps_type_message_and_traceback(store: LocalStore, project: Project) -> None:
    run_entity = run.start_run(store, "p", {})
    error = {"type": "ValueError", "message": "no", "traceback": "…"}
    run_entity.finish("ERROR", message="ValueError: no", error=error)
    status = project.get_run(run_entity.key).status
    assert (status.state, status.message, status.error) == ("ERROR", "ValueError: no", error)


def test_a_run_ends_in_a_final_state_only(store: LocalStore) -> None:
    with pytest.raises(ValueError, match="RUNNING"):
        run.start_run(store, "p", {}).finish("RUNNING")


def test_a_run_is_linked_to_its_function_and_inputs(store: LocalStore, project: Project) -> None:
    function = project.register_function("f", {"source": {"revision": "abc"}})
    run_entity = run.start_run(store, "p", {}, function=function.key)
    run_entity.consume("store://p/dataitem/table/a:1")
    run_entity.consume("store://p/dataitem/table/a:1")
    assert project.get_run(run_entity.id).metadata.relationships == [
        {"type": "run_of", "dest": function.key},
        {"type": "consumes", "dest": "store://p/dataitem/table/a:1"},
    ]
    assert store.list_summaries("run", function=function.key)[0].id == run_entity.id


def test_the_caller_may_choose_the_id(store: LocalStore) -> None:
    assert run.start_run(store, "p", {}, identity="run-7").key == "store://p/run/python+job:run/run-7:run-7"
