"""One job, run by the platform's own SDK and by Ovenbird: what both leave behind in Core and in S3 has one shape."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ovenbird.platform.storage import files
from tests.core import sdk
from tests.core.fixtures import make_platform
from tests.core.server import Double
from tests.jobs import Jobs
from tests.stores import bucket

pytestmark = pytest.mark.timeout(600)  # the SDK's environment may have to be made

_FUNCTION = """
from digitalhub_runtime_python import handler

@handler(outputs=["cities", "count", "title"])
def summarise(project, run, table, limit):
    frame = table.as_df()
    with open("notes.txt", "w") as file:
        file.write("seen")
    project.log_artifact("notes", "artifact", source="notes.txt")
    model = project.log_model("scorer", "model", source="notes.txt", framework="none", parameters={"depth": 3})
    model.log_metrics({"accuracy": 0.5, "loss": [2.0, 1.0]})
    run.log_metric("rows", 3)
    return frame.head(limit), len(frame), "cities"
"""
_INPUT = """
import pandas
import digitalhub as dh

frame = pandas.DataFrame({"name": ["a", "b", "c"], "size": [1, 2, 3], "share": [0.5, 0.25, 0.25]})
print(dh.get_project("p").log_table("all", data=frame).key)
"""
_RUN = """
import digitalhub as dh

project = dh.get_project("p")
function = project.new_function(
    "summarise", "python", python_version="PYTHON3_10", code_src="main.py", handler="main:summarise"
)
print(function.run("job", inputs={"table": KEY}, parameters={"limit": 2}, local_execution=True).id)
"""


def _mask(value: Any, names: dict[str, str]) -> Any:
    """Return the value with ids replaced by names, and times by a word."""
    if isinstance(value, dict):
        return {_mask(key, names): _mask(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_mask(item, names) for item in value]
    if isinstance(value, str):
        for identity, name in names.items():
            value = value.replace(identity, name)
        return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-][\d:]+)", "<moment>", value)
    return value


def _list_entities(core: Double, run: dict[str, Any]) -> dict[str, Any]:
    """Return the entities of a run in Core, by type and name, with ids masked."""
    key = run["key"]
    entities = {"run": run}
    for entity_type in ("artifact", "dataitem", "model"):
        for entity in core.entities.all("p", entity_type):
            if any(link["dest"] == key for link in entity["metadata"].get("relationships") or []):
                entities[f"{entity_type} {entity['name']}"] = entity
    function, task = run["spec"]["function"].rpartition(":")[2], run["spec"]["task"].rpartition("/")[2]
    entities["function"] = core.entities.one("p", "function", function)
    entities["task"] = core.entities.one("p", "task", task)
    names = {entity["id"]: f"<{name}>" for name, entity in entities.items()}
    metrics = {name: core.entities.metrics.get(entity["id"]) for name, entity in entities.items()}
    return _mask({"entities": entities, "metrics": metrics}, names)


def _list_files(core: Double, platform: dict[str, str], run: dict[str, Any]) -> set[str]:
    """Return the files of a run's outputs in the bucket, with ids masked."""
    identities = {entity["id"] for entity_type in ("artifact", "dataitem", "model")
            for entity in core.entities.all("p", entity_type)
            if any(run["id"] in link["dest"] for link in entity["metadata"].get("relationships") or [])}  # fmt: skip
    names = files.list_files("s3://outputs/p/", platform)
    return {name.replace(identity, "<id>") for name in names for identity in identities if identity in name}


@dataclass
class Recorded:
    """What the run of the SDK and the run of Ovenbird have left in one Core, and in S3 as `platform` reaches it."""

    core: Double
    platform: dict[str, str]
    theirs: dict[str, Any]
    ours: dict[str, Any]


@pytest.fixture(scope="module")
def recorded(moto: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    """Both runs, made once for the tests that read what they left."""
    folder = tmp_path_factory.mktemp("both")
    with contextlib.closing(Double()) as core, contextlib.closing(Jobs(folder)) as jobs:
        core.entities.add_project({"name": "p", "kind": "project", "spec": {}})
        core.checks_auth = True  # as a newer Core answers what the SDK asks before it uses S3
        platform = make_platform(core, bucket(moto))
        key = sdk.run(_INPUT, folder, platform)
        jobs.write(_FUNCTION)
        theirs = sdk.run(_RUN.replace("KEY", repr(key)), folder, platform)
        core.calls.append(("", "between", None))
        flags = ("--input", f"table={key}", "--param", "limit=2", "--project", "p")
        process = jobs.start_ovenbird("run", "main.py:summarise", *flags, **platform)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        (ours,) = (run for run in core.entities.all("p", "run") if run["id"] != theirs)
        yield Recorded(core, platform, core.run("p", theirs), ours)


@pytest.mark.slow
def test_both_leave_the_same(recorded: Recorded) -> None:
    """Entities, kinds, paths, files, relations, results and metrics are the same; Ovenbird's may hold more."""
    theirs, ours = (_list_entities(recorded.core, run) for run in (recorded.theirs, recorded.ours))
    assert set(theirs["entities"]) == set(ours["entities"])
    assert theirs["metrics"] == ours["metrics"]
    for name in theirs["entities"]:
        their_entity, our_entity = theirs["entities"][name], ours["entities"][name]
        for field in ("kind", "key", "project"):
            assert their_entity[field] == our_entity[field], name
        states = [
            entity.get("status", {}).get("state") for entity in (their_entity, our_entity)
        ]  # Core keeps none of some types
        assert states[0] == states[1], name
        relations = [
            sorted(map(str, entity.get("metadata", {}).get("relationships") or []))
            for entity in (their_entity, our_entity)
        ]
        assert relations[0] == relations[1], name
        for part in ("spec", "status"):
            for field, value in their_entity.get(part, {}).items():
                if field == "metrics":  # an empty mark of the SDK's own; the metrics themselves are compared above
                    continue
                assert field in our_entity.get(part, {}), (name, part, field)
                if name.startswith(("artifact", "dataitem", "model")) and field not in ("preview", "files"):
                    assert value == our_entity[part][field], (name, field)
    run, mine = theirs["entities"]["run"], ours["entities"]["run"]
    assert run["spec"]["inputs"] == mine["spec"]["inputs"]
    assert run["spec"]["parameters"] == mine["spec"]["parameters"]
    assert run["status"]["results"] == mine["status"]["results"] == {"count": 3, "title": "cities"}
    assert run["status"]["outputs"] == mine["status"]["outputs"]
    assert set(mine["status"]["outputs"]) == {"cities", "notes", "scorer"}
    for name in ("artifact notes", "model scorer"):
        (info,), (mine_info,) = (side["entities"][name]["status"]["files"] for side in (theirs, ours))
        for field in ("path", "name", "size", "hash"):
            assert info[field] == mine_info[field]
        assert set(info) == set(mine_info)
    table, mine_table = (side["entities"]["dataitem cities"] for side in (theirs, ours))
    assert table["spec"]["schema"] == mine_table["spec"]["schema"]
    assert table["status"]["preview"] == mine_table["status"]["preview"]


@pytest.mark.slow
def test_both_upload_files_to_the_same_paths(recorded: Recorded) -> None:
    """The objects in the bucket have the same names."""
    core, platform = recorded.core, recorded.platform
    theirs, ours = (_list_files(core, platform, run) for run in (recorded.theirs, recorded.ours))
    assert theirs == ours == {
        "dataitem/cities/<id>/cities.parquet", "artifact/notes/<id>/notes.txt", "model/scorer/<id>/notes.txt",
    }  # fmt: skip


@pytest.mark.slow
def test_fewer_calls(recorded: Recorded) -> None:
    """Two calls for each output where the SDK makes seven or more."""
    middle = next(number for number, call in enumerate(recorded.core.calls) if call[1] == "between")
    theirs, ours = recorded.core.calls[:middle], recorded.core.calls[middle + 1 :]

    def of(calls: list[tuple[str, str, Any]], entity_type: str) -> int:
        return sum(path.startswith(entity_type) and "metrics" not in path for _, path, _ in calls)

    assert of(ours, "artifacts") == 2
    assert of(ours, "artifacts") * 2 <= of(theirs, "artifacts")
    assert len(ours) * 2 <= len(theirs)


_BESIDE = """
import digitalhub as dh
from digitalhub_runtime_python import handler

@handler(outputs=["total", "theirs"])
def handler(project, n: int):
    open("beside.txt", "w").write("by the SDK")
    mine = project.log_artifact("ours", data=b"by Ovenbird")
    return n + 1, dh.get_project(project.name).log_artifact("theirs", "artifact", source="beside.txt")
"""


@pytest.mark.slow
def test_sdk_and_ovenbird_in_the_same_process(core: Double, platform: dict[str, str], jobs: Jobs) -> None:
    """A function that imports the real SDK, under its real decorator, runs natively; entities of both are outputs."""
    core.checks_auth = True
    jobs.write(_BESIDE)
    packages = ":".join(path for path in sys.path if path.endswith("site-packages"))
    root = Path(__file__).parent.parent.parent
    environ = {**os.environ, **platform, "HOME": str(jobs.folder), "PYTHONPATH": f"{root / 'wrapper'}:{packages}"}
    environ["PYTHONDONTWRITEBYTECODE"] = ""  # as in `sdk.run`
    process = subprocess.run(
        [sdk.python(), "-m", "ovenbird", "run", "main.py", "--param", "n=1", "--project", "p"],
        check=False, cwd=jobs.folder, env=environ, text=True, capture_output=True, timeout=100,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    (run,) = core.entities.all("p", "run")
    assert run["status"]["results"] == {"total": 2}
    assert set(run["status"]["outputs"]) == {"ours", "theirs"}
    for artifact in core.entities.all("p", "artifact"):
        assert {"type": "produced_by", "dest": run["key"]} in artifact["metadata"]["relationships"]
        assert artifact["status"]["state"] == "READY"
