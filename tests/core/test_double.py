"""The platform's real SDK takes the double for Core."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.core import sdk
from tests.core.server import Double

pytestmark = pytest.mark.timeout(600)  # the first one makes the SDK's environment


@pytest.fixture(autouse=True)
def newer_core(core: Double) -> None:
    """A Core that answers the SDK's request before its use of S3; the recorded one does not."""
    core.checks_auth = True


_ENTITIES = """
import json
import pandas
import digitalhub as dh

project = dh.get_or_create_project("q")
table = project.log_table("numbers", data=pandas.DataFrame({"a": [1, 2, 3]}))
open("text.txt", "w").write("hello")
first = project.log_generic_artifact("text", source="text.txt")
second = project.log_generic_artifact("text", source="text.txt")
model = project.log_sklearn("m", source="text.txt")
model.log_metrics({"accuracy": 0.9, "loss": [3.0, 2.0]})
model.log_metric("loss", 1.0)
found = {
    "sum": int(project.get_dataitem("numbers").as_df()["a"].sum()),
    "latest": project.get_artifact("text").id == second.id,
    "first": project.get_artifact(first.key).id == first.id,
    "versions": len(project.get_artifact_versions("text")),
    "text": open(project.get_artifact("text").as_file()).read(),
    "metrics": project.get_model("m").metrics,
    "files": project.get_artifact("text").status.files[0]["hash"],
    "missing": "",
}
try:
    project.get_artifact("absent", entity_id="0")
except Exception as error:
    found["missing"] = type(error).__name__
try:
    first.save()
except Exception as error:
    found["twice"] = type(error).__name__
project.delete_artifact("text", delete_all_versions=True)
found["left"] = len(project.list_artifacts())
print(json.dumps(found))
"""


@pytest.mark.slow
def test_entities(core: Double, platform: dict[str, str], tmp_path: Path) -> None:
    """The SDK stores, finds, reads and deletes entities; its own errors come from the double's texts."""
    document = json.loads(sdk.run(_ENTITIES, tmp_path, platform))
    assert document == {
        "sum": 6, "latest": True, "first": True, "versions": 2, "text": "hello",
        "metrics": {"accuracy": 0.9, "loss": [3.0, 2.0, 1.0]}, "files": "md5:5d41402abc4b2a76b9719d911017c592",
        "missing": "BackendError", "twice": "EntityAlreadyExistsError", "left": 0,
    }  # fmt: skip
    (table,) = core.entities.all("q", "dataitem")
    assert table["status"]["state"] == "READY"
    assert table["spec"]["path"] == f"s3://outputs/q/dataitem/numbers/{table['id']}/numbers.parquet"


_RUN = """
import digitalhub as dh

project = dh.get_or_create_project("p")
open("main.py", "w").write('''
from digitalhub_runtime_python import handler

@handler(outputs=["total"])
def add(a, b):
    return a + b
''')
function = project.new_function("add", "python", python_version="PYTHON3_10", code_src="main.py", handler="add")
run = function.run("job", parameters={"a": 40, "b": 2}, local_execution=LOCAL)
print(run.id)
"""


@pytest.mark.slow
def test_a_local_run(core: Double, platform: dict[str, str], tmp_path: Path) -> None:
    """A run that the SDK executes itself goes through its states to COMPLETED, with its result."""
    identity = sdk.run(_RUN.replace("LOCAL", "True"), tmp_path, platform)
    run = core.run("p", identity)
    assert (run["status"]["state"], run["status"]["results"]) == ("COMPLETED", {"total": 42})
    assert core.entities.violations == []


@pytest.mark.slow
def test_a_remote_run(core: Double, platform: dict[str, str], tmp_path: Path) -> None:
    """A run that Core executes is built, goes to RUNNING by itself, and can be stopped."""
    identity = sdk.run(_RUN.replace("LOCAL", "False"), tmp_path, platform)
    core.settle("p", identity)
    run = core.run("p", identity)
    assert (run["spec"]["source"]["handler"], run["spec"]["parameters"]) == ("add", {"a": 40, "b": 2})
    stop = f"import digitalhub as dh; dh.get_project('p').get_run('{identity}').stop()"
    sdk.run(stop, tmp_path, platform)
    assert run["status"]["state"] == "STOPPED"


@pytest.mark.slow
def test_tokens(core: Double, platform: dict[str, str], tmp_path: Path) -> None:
    """An expired token is refreshed and a personal one exchanged, as the SDK does both; Basic works too."""
    core.auth.mode = "bearer"
    source = "import digitalhub as dh; print(dh.get_project('p').name)"
    expired = {"DHCORE_ACCESS_TOKEN": core.auth.issue(0), "DHCORE_REFRESH_TOKEN": core.auth.issue_refresh()}
    home = {"DH_CONFIG": str(tmp_path / "one.ini")}
    assert sdk.run(source, tmp_path, {**platform, **expired, **home}) == "p"
    home = {"DH_CONFIG": str(tmp_path / "two.ini")}
    personal = {"DHCORE_PERSONAL_ACCESS_TOKEN": core.auth.issue_personal()}
    assert sdk.run(source, tmp_path, {**platform, **personal, **home}) == "p"
    core.auth.mode = "basic"
    basic = {"DHCORE_USER": core.auth.user, "DHCORE_PASSWORD": core.auth.password}
    assert sdk.run(source, tmp_path, {**platform, **basic}) == "p"
