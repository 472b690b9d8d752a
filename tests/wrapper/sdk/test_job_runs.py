"""The action `job`: a child process on this machine, with the arguments of the platform's SDK."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.service import wait_until

import ovenbird as dh
from ovenbird.errors import ArgumentsError, RunFailedError
from ovenbird.platform.entities.run import FunctionRevision
from ovenbird.platform.project.project import Project

pytestmark = pytest.mark.slow

_CODE = """
import os, time

def show(name="nobody", wait=False):
    print("begun", flush=True)
    if wait:
        time.sleep(60)
    if name == "bad":
        raise ValueError("a bad name")
    return {"name": name, "level": os.environ.get("LEVEL"), "token": len(os.environ["TOKEN"]),
            "length": len(os.environ.get("API_KEY", ""))}
"""


def make_function(project: Project) -> FunctionRevision:
    """Record the function that the tests run."""
    project.new_secret("TOKEN", secret_value="a secret value")
    return project.new_function("show", "python", python_version="PYTHON3_10", code=_CODE, handler="show")


def test_fields_of_the_task_are_recorded_and_used(demo: Project) -> None:
    """Variables and secrets reach the function; what is for a cluster is recorded only; a secret's value nowhere."""
    function = make_function(demo)
    run = function.run(
        "job", parameters={"name": "Ann"}, secrets=["TOKEN"], name="a-name", labels=["l"], resources={"cpu": "1"},
        envs=[{"name": "LEVEL", "value": "3"}, {"name": "API_KEY", "value": "hush-hush"}], profile="gpu", wait=True,
    )  # fmt: skip
    assert run.value == {"name": "Ann", "level": "3", "token": 14, "length": 9}
    assert run.spec.envs == [{"name": "LEVEL", "value": "3"}, {"name": "API_KEY", "value": "***"}]
    assert "hush-hush" not in run.to_json()
    assert run.status.state == "COMPLETED"
    assert (run.spec.resources, run.spec.profile, run.spec.secrets) == ({"cpu": "1"}, "gpu", ["TOKEN"])
    assert (run.metadata.name, run.metadata.labels) == ("a-name", ["l"])
    assert run.spec.function == function.key
    assert {"type": "run_of", "dest": function.key} in run.metadata.relationships
    assert run.status.provenance.source.handler == "main:show"
    assert "a secret value" not in run.to_json()
    assert [item.key for item in demo.list_functions(versions="all")] == [function.key]
    assert function.get_run(run.id).key == run.key


def test_a_run_goes_on_by_itself_and_is_stopped(demo: Project) -> None:
    """Without `wait` and `local_execution` the call returns when the run has begun; its log is read meanwhile."""
    run = make_function(demo).run("job", parameters={"wait": True}, secrets=["TOKEN"])
    assert run.status.state == "RUNNING"
    wait_until(lambda: "begun" in "".join(map(str, run.logs())), lambda: "the log begins", pause=0.2)
    run.stop()
    assert run.wait().status.state == "STOPPED"
    assert dh.get_run(run.key).status.state == "STOPPED"


def test_a_failure_is_raised_only_with_local_execution(demo: Project) -> None:
    """As the SDK does: the run of a cluster is an ERROR that is read, the one of this process raises."""
    function = make_function(demo)
    run = function.run("job", parameters={"name": "bad"}, secrets=["TOKEN"], wait=True)
    assert (run.status.state, run.status.error.type) == ("ERROR", "ValueError")
    with pytest.raises(RunFailedError, match="a bad name"):
        function.run("job", parameters={"name": "bad"}, secrets=["TOKEN"], local_execution=True)


def test_what_cannot_begin_leaves_no_run(demo: Project, folder: Path) -> None:
    """A secret without a value, a parameter that no other process gets, an input of no form."""
    function = make_function(demo)
    with pytest.raises(ArgumentsError, match="the secret 'ABSENT' has no value in demo"):
        function.run("job", secrets=["ABSENT"])
    with pytest.raises(ArgumentsError, match="the parameter 'name' is of type object"):
        function.run("job", parameters={"name": object()})
    with pytest.raises(ArgumentsError, match="'x'"):
        function.run("job", inputs={"x": 3})
    with pytest.raises(ArgumentsError, match="extensions"):
        function.run("job", extensions=[{"kind": "x"}])
    assert dh.list_runs("demo") == []
    assert folder.is_dir()
