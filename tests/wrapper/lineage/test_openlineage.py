"""OpenLineage events of real runs, sent to a real HTTP server and held to the published schemas."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.jobs import Jobs
from tests.wrapper.lineage.events import EventReceiver

from ovenbird.lineage.openlineage import make_uuid

PARENT = "airflow://prod/dags/daily.load/f99310b4-3c3c-1a1a-8b2b-c1b95c24ff11"
PARENT_REFERENCE = {
    "run": {"runId": "f99310b4-3c3c-1a1a-8b2b-c1b95c24ff11"},
    "job": {"namespace": "airflow://prod/dags", "name": "daily.load"},
}
SELECT = """
    import os
    import pandas as pd
    from ovenbird import handler

    @handler(outputs=["large"])
    def select(cities: pd.DataFrame, project, least: int = 2):
        project.log_model("rule", source=__file__)
        print(os.environ["OPENLINEAGE_CONTEXT"])
        return cities[cities["population"] >= least]
"""


@pytest.fixture
def receiver() -> Iterator[EventReceiver]:
    receiver = EventReceiver()
    yield receiver
    receiver.close()


def commit(folder: Path) -> str:
    """Make a commit of a folder whose remote is at GitHub; return it."""
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
    for words in (["init", "-q"], ["add", "main.py"], ["commit", "-q", "-m", "first"],
                  ["remote", "add", "origin", "https://me:secret@github.com/team/jobs.git"]):  # fmt: skip
        subprocess.run([*git, *words], cwd=folder, check=True)
    return subprocess.run(
        [*git, "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.mark.slow
def test_the_events_of_a_run(jobs: Jobs, receiver: EventReceiver) -> None:
    """START names the inputs; COMPLETE has schema, statistics, source, parent; what it starts gets it as parent."""
    (jobs.folder / "cities.csv").write_text("name,population\na,1\nb,2\nc,3\n")
    jobs.write(SELECT)
    revision = commit(jobs.folder)
    job = jobs.run(
        "main.py", "--input", "cities=cities.csv", "--project", "p", "--tag", "team=red",
        OPENLINEAGE_URL=f"{receiver.url}/base/", OPENLINEAGE_API_KEY="secret-key", OPENLINEAGE_NAMESPACE="team",
        OPENLINEAGE_PARENT_ID=PARENT,
    )  # fmt: skip
    assert job.code == 0, job.err
    start, complete = receiver.events
    method, path, headers = receiver.requests[0]
    assert (method, path, headers["authorization"]) == ("POST", "/base/api/v1/lineage", "Bearer secret-key")
    identity = make_uuid(job.result["id"])
    for event, kind in ((start, "START"), (complete, "COMPLETE")):
        assert (event["eventType"], event["run"]["runId"]) == (kind, identity)
        assert (event["job"]["namespace"], event["job"]["name"]) == ("team", "p.main")
        location = event["job"]["facets"]["sourceCodeLocation"]
        assert location["url"] == f"https://github.com/team/jobs/blob/{revision}/main.py"
        assert (location["repoUrl"], location["version"]) == ("https://github.com/team/jobs.git", revision)
        parent = event["run"]["facets"]["parent"]
        assert {name: parent[name] for name in ("run", "job", "root")} == PARENT_REFERENCE | {"root": PARENT_REFERENCE}
        tags = {tag["key"]: tag["value"] for tag in event["run"]["facets"]["tags"]["tags"]}
        assert tags == {"ovenbird.run": job.result["key"], "team": "red"}
    cities = {"namespace": "file", "name": str(jobs.folder / "cities.csv")}
    assert start["inputs"] == [cities]
    (read,) = complete["inputs"]
    assert {name: read[name] for name in cities} == cities
    assert [(field["name"], field["type"]) for field in read["facets"]["schema"]["fields"]] == [
        ("name", "string"), ("population", "integer"),
    ]  # fmt: skip
    statistics = read["inputFacets"]["inputStatistics"]
    assert (statistics["rowCount"], statistics["size"], statistics["fileCount"]) == (3, 28, 1)
    large, rule = complete["outputs"]
    assert (large["namespace"], large["name"]) == ("file", str(jobs.home / "files" / "p" / "dataitem" / "large"))
    assert job.result["outputs"]["large"].endswith(large["facets"]["version"]["datasetVersion"])
    assert large["outputFacets"]["outputStatistics"]["rowCount"] == 2
    assert rule["facets"]["datasetType"]["datasetType"] == "MODEL"
    context = json.loads(job.out.splitlines()[0])["parent"]
    assert (context["run"]["runId"], context["root"]) == (identity, PARENT_REFERENCE)
    assert "secret" not in receiver.bodies[0].decode() + receiver.bodies[1].decode() + job.err


@pytest.mark.slow
def test_the_events_of_a_run_that_fails(jobs: Jobs, receiver: EventReceiver) -> None:
    """FAIL has the error with the user's traceback, and no password of a URL in it; nothing is sent where disabled."""
    source = """
        def handler():
            raise ValueError("cannot reach https://me:hidden@example.org/x")
        """
    jobs.run(source, OPENLINEAGE_URL=receiver.url, OPENLINEAGE_DISABLED="True")
    assert receiver.requests == []
    job = jobs.run(source, OPENLINEAGE_URL=receiver.url, OPENLINEAGE_ENDPOINT="/events")
    start, fail = receiver.events
    assert (start["eventType"], fail["eventType"], receiver.requests[0][1]) == ("START", "FAIL", "/events")
    error = fail["run"]["facets"]["errorMessage"]
    assert error["message"] == "ValueError: cannot reach https://example.org/x"
    assert error["programmingLanguage"] == "PYTHON"
    assert "line 3, in handler" in error["stackTrace"]
    assert "hidden" not in receiver.bodies[1].decode()
    assert job.error["type"] == "ValueError"


@pytest.mark.slow
def test_the_events_of_a_run_that_is_stopped(jobs: Jobs, receiver: EventReceiver) -> None:
    """SIGTERM gives ABORT."""
    source = """
        import time
        from pathlib import Path

        def handler():
            Path("ready").touch()
            time.sleep(60)
        """
    process, wait = jobs.start(source, OPENLINEAGE_URL=receiver.url)
    jobs.wait_until((jobs.folder / "ready").exists)
    process.send_signal(signal.SIGTERM)
    assert wait().code == 143
    assert [event["eventType"] for event in receiver.events] == ["START", "ABORT"]


@pytest.mark.slow
def test_the_events_of_a_sweep(jobs: Jobs, receiver: EventReceiver) -> None:
    """A sweep is a run of its own, the parent of those of its lines, and of the whole the child of its caller."""
    jobs.write("def handler(n: int):\n    return 1 // n\n")
    jobs.start_ovenbird(
        "run", "main.py", "--grid", "n=0,1", OPENLINEAGE_URL=receiver.url, OPENLINEAGE_PARENT_ID=PARENT
    ).communicate(timeout=60)  # fmt: skip
    sweep, *lines, end = receiver.events
    assert (sweep["eventType"], sweep["job"]["name"]) == ("START", "default.main.sweep")
    assert (end["eventType"], end["run"]["runId"]) == ("FAIL", sweep["run"]["runId"])
    assert sweep["run"]["facets"]["parent"]["run"] == PARENT_REFERENCE["run"]
    kinds: dict[str, list[str]] = {}
    for event in lines:
        parent: dict[str, Any] = event["run"]["facets"]["parent"]
        assert (parent["run"]["runId"], parent["job"]["name"]) == (sweep["run"]["runId"], "default.main.sweep")
        assert parent["root"] == PARENT_REFERENCE
        kinds.setdefault(event["run"]["runId"], []).append(event["eventType"])
    assert sorted(kinds.values()) == [["START", "COMPLETE"], ["START", "FAIL"]]
