"""Functions that are written for the platform's SDK, run as they are: in the local store, and with Core."""

from __future__ import annotations

import json
import textwrap
import time

import pytest
from tests.core.server import Double
from tests.jobs import Jobs

_FUNCTION = """
import os
import pandas as pd
from digitalhub_runtime_python import handler

@handler(outputs=["report", "total"])
def work(project, run):
    with open("notes.txt", "w") as file:
        file.write("seen")
    first = project.log_generic_artifact(name="notes", source="notes.txt", labels=["draft"])
    first.add_label("checked")
    first.set_description("what was seen")
    project.update_artifact(first)
    item = project.new_dataitem(name="numbers", kind="table", path=first.spec.path.replace("notes.txt", "numbers.csv"))
    item.write_df(pd.DataFrame({"a": [1, 2]}), extension="csv")
    model = project.log_model(name="scorer", kind="model", source="notes.txt", framework="none")
    model.log_metrics({"accuracy": 0.5})
    project.new_secret("KEY", secret_value="hidden")
    return {
        "labels": project.get_artifact("notes").metadata.labels,
        "files": [info["name"] for info in first.files],
        "sum": int(project.get_dataitem("numbers").as_df()["a"].sum()),
        "models": [found.name for found in project.list_models()],
        "metrics": project.list_models()[0].metrics,
        "secret": project.get_secret("KEY").read_secret_value()[::-1],
        "variables": [os.environ["RUN_ID"] == run.id, os.environ["PROJECT_NAME"] == project.name],
        "runs": [found.id == run.id for found in project.list_runs()],
        "searched": [found.name for found in project.search_entity(labels=["checked"])[0]],
    }, 42
"""
_FOUND = {
    "labels": ["draft", "checked"], "files": ["notes.txt"], "sum": 3, "models": ["scorer"],
    "metrics": {"accuracy": 0.5}, "secret": "neddih", "variables": [True, True], "runs": [True], "searched": ["notes"],
}  # fmt: skip


@pytest.mark.slow
def test_in_the_local_store(jobs: Jobs) -> None:
    """Every call of the function works, and its output is what it has seen."""
    jobs.write(_FUNCTION)
    job = jobs.run("main.py:work")
    assert job.code == 0, job.err
    assert job.result["results"]["total"] == 42
    (report,) = [key for name, key in job.result["outputs"].items() if name == "report"]
    path = jobs.read_entity("artifacts", report)["spec"]["path"]
    with open(path) as file:  # noqa: PTH123  # a path of the record
        assert json.load(file) == _FOUND
    assert "hidden" not in job.out + job.err


@pytest.mark.slow
def test_with_core(jobs: Jobs, core: Double, platform: dict[str, str]) -> None:
    """The same function does the same; what it has written is in Core."""
    jobs.write(_FUNCTION)
    job = jobs.run("main.py:work", "--project", "p", "--output-dir", "out", **platform)
    assert job.code == 0, job.err
    (copied,) = (jobs.folder / "out").glob("report*")
    assert json.loads(copied.read_text()) == _FOUND
    (artifact,) = [entity for entity in core.entities.all("p", "artifact") if entity["name"] == "notes"]
    assert artifact["metadata"]["labels"] == ["draft", "checked"]
    assert artifact["metadata"]["description"] == "what was seen"
    assert core.entities.violations == []


_CLASSES = """
from ovenbird import Artifact, Dataitem, Model, Project, Run, handler

@handler(outputs=["names"])
def work(project: Project, run: Run, data: Dataitem):
    assert isinstance(project, Project) and isinstance(run, Run) and isinstance(data, Dataitem)
    artifact, model = project.log_artifact("a", data=b"x"), project.log_model("m", data=b"x")
    assert isinstance(artifact, Artifact) and isinstance(model, Model)
    run.add_label("nightly")
    run.set_description("of the night")
    run.save(update=True)
    return ",".join(sorted(run.inputs()))
"""


@pytest.mark.parametrize("store", ["local", "core"])
def test_the_classes_are_found_in_ovenbird(jobs: Jobs, store: str, request: pytest.FixtureRequest) -> None:
    """The classes work as hints and in `isinstance`; what a run sets about itself is in its record."""
    (jobs.folder / "x.csv").write_text("a\n1\n")
    environ = request.getfixturevalue("platform") if store == "core" else {}
    jobs.write(_CLASSES)
    job = jobs.run("main.py:work", "--project", "p", "--input", "data=x.csv", **environ)
    assert job.code == 0, job.err
    assert job.result["results"] == {"names": "data"}
    record = json.loads(jobs.run_verb("runs", "show", job.result["key"], "--project", "p", **environ))
    assert (record["metadata"]["labels"], record["metadata"]["description"]) == (["nightly"], "of the night")


_NESTED = """
import json, os, subprocess, sys

def handler(depth: int):
    if depth:
        words = [sys.executable, "-m", "ovenbird", "run", "main.py", "--param", f"depth={depth - 1}"]
        subprocess.run(words, check=True)
    print("ran", depth)
"""


@pytest.mark.slow
@pytest.mark.parametrize("store", ["local", "core"])
def test_a_run_within_a_run_is_one_of_its_own(jobs: Jobs, store: str, request: pytest.FixtureRequest) -> None:
    """The variables of the first do not make the second take its place, in either store; its project is the same."""
    environ = request.getfixturevalue("platform") if store == "core" else {}
    job = jobs.run(_NESTED, "--project", "p", "--param", "depth=1", **environ)
    assert job.code == 0, job.err
    rows = json.loads(jobs.run_verb("runs", "list", "--project", "p", **environ))
    assert [row["state"] for row in rows] == ["COMPLETED", "COMPLETED"]


def test_a_run_is_stopped_by_another(jobs: Jobs) -> None:
    """`run.stop()` ends the process of a run of this machine as SIGTERM does, and `wait` sees its end."""
    (jobs.folder / "long.py").write_text("import time\ndef handler():\n    while True:\n        time.sleep(0.05)\n")
    process, wait = jobs.start("long.py")
    end = time.monotonic() + 60
    while not (jobs.home / "ovenbird.db").exists() or not [
        row for row in jobs.list_runs() if row["state"] == "RUNNING"
    ]:
        assert time.monotonic() < end
        time.sleep(0.1)
    stopper = textwrap.dedent(
        """
        def handler(project, run):
            (other,) = [found for found in project.list_runs(state="RUNNING") if found.id != run.id]
            other.stop()
            other.wait()
            return other.status.state
        """
    )
    job = jobs.run(stopper)
    assert job.code == 0, job.err
    assert list(job.result["results"].values()) == ["STOPPED"]
    assert wait().code == 143
    assert process.returncode == 143
