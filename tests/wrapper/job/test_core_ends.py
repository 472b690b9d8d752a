"""How `ovenbird run` ends with Core as its store: stopped by a signal, by somebody in Core, or by what Core refuses."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
from tests.core.server import Double
from tests.jobs import Jobs

_WAITS = """
import pathlib, time
def handler(project):
    project.log_artifact("made", data=b"x")
    pathlib.Path("begun").touch()
    while not pathlib.Path("go").exists():
        time.sleep(0.02)
    return 1
"""
_REFUSED_OUTPUT = "from ovenbird import handler\n@handler(outputs=['a@b'])\ndef handler(): open('ran', 'w')\n"


def _start_waiting_run(jobs: Jobs, platform: dict[str, str]) -> Popen[str]:
    """A run of here whose function waits."""
    jobs.write(_WAITS)
    process = jobs.start_ovenbird("run", "main.py", "--project", "p", **platform)
    deadline = time.monotonic() + 60
    while not (jobs.folder / "begun").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


def _run(core: Double) -> dict[str, Any]:
    (run,) = core.entities.all("p", "run")
    return run


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["term", "int"])
def test_a_signal(core: Double, jobs: Jobs, platform: dict[str, str], number: int, code: int) -> None:
    """Core has the run as STOPPED, with its message and with what it made; it can be removed then."""
    process = _start_waiting_run(jobs, platform)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    status = _run(core)["status"]
    assert (status["state"], list(status["outputs"])) == ("STOPPED", ["made"])
    assert status["message"] == f"stopped by {signal.Signals(number).name}"
    removal = jobs.start_ovenbird("runs", "rm", _run(core)["id"], "--project", "p", **platform)
    _, err = removal.communicate(timeout=60)
    assert removal.returncode == 0, err
    assert core.entities.all("p", "run") == []


@pytest.mark.slow
def test_somebody_stops_it_in_core(core: Double, jobs: Jobs, platform: dict[str, str]) -> None:
    """The state STOP is listed; the run ends STOPPED with what it made, and with 143."""
    process = _start_waiting_run(jobs, platform)
    core.answer("POST", f"/api/v1/-/p/runs/{_run(core)['id']}/stop", {}, None)
    listing = jobs.start_ovenbird("runs", "list", "--state", "STOP", "--json", "--project", "p", **platform)
    out, err = listing.communicate(timeout=60)
    assert (listing.returncode, [row["id"] for row in json.loads(out)]) == (0, [_run(core)["id"]]), err
    (jobs.folder / "go").touch()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
    status = _run(core)["status"]
    assert (status["state"], status["results"], list(status["outputs"])) == ("STOPPED", {"output_0": 1}, ["made"])


def test_somebody_sets_it_to_error(core: Double, jobs: Jobs, platform: dict[str, str]) -> None:
    """The state stays ERROR, the exit status is 76, the log has the reason, and the results are recorded."""
    process = _start_waiting_run(jobs, platform)
    core.set_state("p", _run(core)["id"], "ERROR", message="by an administrator")
    (jobs.folder / "go").touch()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 76, err
    assert "the run was set to ERROR meanwhile" in err
    status = _run(core)["status"]
    assert (status["state"], status["message"], status["results"]) == ("ERROR", "by an administrator", {"output_0": 1})


@pytest.mark.slow
def test_a_series_that_does_not_fit(core: Double, jobs: Jobs, platform: dict[str, str]) -> None:
    """The run is ERROR with 79; the series is whole below `unsent`, and the message names both."""
    core.entities.embedded = True
    source = """
    def handler(run):
        for step in range(5000):
            run.log_metric("loss", step + 0.123456789)
        run.log_metric("kept", 1)
    """
    job = jobs.run(source, "--project", "p", **platform)
    assert job.code == 79, job.err
    run = _run(core)
    copy = Path(jobs.home, "unsent", run["id"], "metrics.json")
    assert (run["status"]["state"], str(copy) in run["status"]["message"]) == ("ERROR", True)
    assert "loss of " in run["status"]["message"]
    assert len(json.loads(copy.read_text())[run["key"]]["loss"]) == 5000
    assert core.entities.metrics[run["id"]]["kept"] == [1.0]


@pytest.mark.slow
def test_an_artifact_of_too_many_files(core: Double, jobs: Jobs, platform: dict[str, str]) -> None:
    """Core answers 500 to the list of files: the run fails, and its message has the path of the files."""
    core.entities.embedded = True
    source = """
    import pathlib
    def handler(project):
        pathlib.Path("many").mkdir()
        for number in range(200):
            pathlib.Path("many", f"{number:0200}").touch()  # long names, of which the list is too long
        project.log_artifact("many", source="many")
    """
    job = jobs.run(source, "--project", "p", **platform)
    assert job.code in (74, 79), job.err
    assert "its files are kept in" in _run(core)["status"]["message"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "flags", "message"),
    [
        ("def handler(): open('ran', 'w')\n", ("--project", "My_P"), "^[a-z0-9-]+$"),
        (_REFUSED_OUTPUT, ("--project", "p"), "^[a-zA-Z0-9._+-]+$"),
    ],
    ids=["project", "output"],
)  # fmt: skip
def test_names_are_refused_before_anything_runs(
    core: Double, jobs: Jobs, platform: dict[str, str], source: str, flags: tuple[str, ...], message: str
) -> None:
    job = jobs.run(source, *flags, **platform)
    assert job.code != 0
    assert message in job.err
    assert "smartcommunitylabdhub" not in job.err
    assert not (jobs.folder / "ran").exists()


def test_a_listing_of_no_project(core: Double, jobs: Jobs, platform: dict[str, str]) -> None:
    """`--project nope` is an error, and no empty list."""
    process = jobs.start_ovenbird("runs", "list", "--project", "nope", **platform)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 78, out
    assert "no project 'nope'" in err
