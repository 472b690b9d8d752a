"""`map(on="cluster")` on a stand-in for kubectl: one Job for all calls, a record for each, in their order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import ovenbird as ob
from ovenbird.errors import ArgumentsError, OvenbirdError, RunFailedError
from ovenbird_builder.errors import BuildRequestError, PodLostError

from ..cluster.conftest import StandIn, make_pod, make_state

pytestmark = pytest.mark.slow

IMAGE = "registry.example.com/greet:1"
TEMPLATE: dict[str, Any] = {"spec": {"volumes": [{"name": "each", "configMap": {"name": "lines"}}]}}
TEXT = "def handler(n=1):\n    return n\n"
LINES = [{"n": 1}, {"n": 2}, {"n": 3}]


@pytest.fixture
def standin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """A stand-in for kubectl on the PATH, a Job of three indexes that goes on, a function in the current folder."""
    standin = StandIn(tmp_path)
    put_job(standin)
    standin.put("configmap", {"data": {"lines": '{"n": 1}\n{"n": 2}\n{"n": 3}\n'}})
    standin.put("log", b"at work\n")
    standin.put("pods", {"items": []})
    (tmp_path / "main.py").write_text(TEXT)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("OVENBIRD_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return standin


def put_job(standin: StandIn, **status: Any) -> None:
    """Let the Job have a status."""
    spec = {"completions": 3, "completionMode": "Indexed", "template": TEMPLATE}
    standin.put("job", {"metadata": {"name": "greet"}, "spec": spec, "status": status})


def put_ends(standin: StandIn, *indexes: int) -> None:
    """Let the watch and the list tell of pods that have ended: index 1 fails, the others return."""
    pods = []
    for index in indexes:
        message = "ValueError: no" if index == 1 else json.dumps({"run": "", "results": {"output_0": index}})
        state = {"exitCode": int(index == 1), "message": message}
        pod = make_pod(f"greet-{index}", phase="Failed", containerStatuses=make_state(terminated=state))
        pod["metadata"]["annotations"] = {"batch.kubernetes.io/job-completion-index": str(index)}
        pods.append(pod)
    changes = [json.dumps({"type": "ADDED", "object": pod}, indent=4) + "\n" for pod in pods]
    standin.put("changes", "".join(changes).encode())
    standin.put("pods", {"items": pods})


def start(lines: Any = LINES, **options: Any) -> Any:
    """Map the function in the cluster."""
    return ob.function("main.py:handler").map(lines, on="cluster", image=IMAGE, **options)


def end_job(standin: StandIn) -> None:
    """Let all three end, the last one first; the Job has failed."""
    put_ends(standin, 2, 1, 0)
    failed = {"type": "Failed", "status": "True", "reason": "FailedIndexes"}
    put_job(standin, conditions=[failed], completedIndexes="0,2", failedIndexes="1")


def test_runs_in_their_order(standin: StandIn) -> None:
    """Each with its parameters, its results and its place; after the last one the failure is raised."""
    end_job(standin)
    runs: list[ob.Run] = []
    runs_of_map = start(params={"n": 0}, tags={"stage": "test"})
    assert len(runs_of_map) == 3
    with pytest.raises(RunFailedError, match=r"1 of 3 runs have failed: .* is ERROR: 'no'"):
        runs.extend(runs_of_map)
    assert [dict(run.spec.parameters) for run in runs] == LINES
    assert [run.state for run in runs] == ["COMPLETED", "ERROR", "COMPLETED"]
    assert [run.status.cluster["index"] for run in runs] == [0, 1, 2]
    assert [dict(run.results or {}) for run in runs] == [{"output_0": 0}, {}, {"output_0": 2}]
    assert runs[1].error["type"] == "ValueError"
    assert not (standin.folder / "deleted").exists()
    created = json.loads((standin.folder / "created").read_text())
    assert [item["kind"] for item in created] == ["ConfigMap", "Job"]
    assert created[0]["data"]["params.jsonl"] == '{"n": 1}\n{"n": 2}\n{"n": 3}\n'
    assert created[1]["spec"]["parallelism"] == 2


def test_runs_as_they_end(standin: StandIn) -> None:
    """With `ordered=False`, and no error with `check=False`."""
    end_job(standin)
    runs = start(ordered=False, check=False, parallel=3)
    assert [run.status.cluster["index"] for run in runs] == [2, 1, 0]


def test_a_loop_that_is_left(standin: StandIn) -> None:
    """The Job is deleted; what had ended is recorded."""
    put_ends(standin, 0)
    with start() as runs:
        assert next(runs).state == "COMPLETED"
        (standin.folder / "job").unlink()
    assert (standin.folder / "deleted").exists()
    assert [run.state for run in ob.runs()] == ["COMPLETED"]


def test_a_job_that_is_lost(standin: StandIn) -> None:
    """The reason is raised where the runs are read."""
    (standin.folder / "job").unlink()
    with pytest.raises(PodLostError, match="is not there any more"):
        list(start())


@pytest.mark.usefixtures("standin")
def test_a_list_without_runs() -> None:
    """Makes no Job."""
    assert list(start([])) == []


@pytest.mark.parametrize(
    ("lines", "error", "part"),
    [
        ([{"n": float("nan")}], BuildRequestError, "a number that JSON does not have"),
        ([{"n": 1}, {"n": "https://u:Pass12@h.example/"}], BuildRequestError, "line 2 of .*: the parameter 'n' holds"),
        ([{"n": "x" * 2**20}], BuildRequestError, "a ConfigMap takes 1048576"),
        ([3], ArgumentsError, "run 1: expected a mapping"),
    ],
    ids=["nan", "password", "size", "form"],
)
def test_lists_that_are_refused(standin: StandIn, lines: Any, error: type[OvenbirdError], part: str) -> None:
    """Before anything is created."""
    with pytest.raises(error, match=part) as failure:
        start(lines)
    assert "Pass12" not in str(failure.value)
    assert not (standin.folder / "created").exists()
