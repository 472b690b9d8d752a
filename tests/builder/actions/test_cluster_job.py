"""A run in a cluster from Python, on a stand-in for kubectl: its record, its errors, its options."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import ovenbird as ob
from ovenbird.errors import ArgumentsError, OvenbirdError, SettingsError
from ovenbird_builder.errors import BuildRequestError, ClusterAccessError, ImagePullError

from ..cluster.conftest import StandIn, make_pod, make_state

pytestmark = pytest.mark.slow

IMAGE = "registry.example.com/greet:1"
RUNNING = make_state(running={"startedAt": "2026-11-29T11:00:00Z"})
BAD_NAME = make_state(waiting={"reason": "InvalidImageName"})
TEXT = "def handler(name='a'):\n    return name\n"


@pytest.fixture
def standin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """A stand-in for kubectl on the PATH, a Job that goes on, and a function in the current folder."""
    standin = StandIn(tmp_path)
    standin.put("job", {"metadata": {"name": "greet"}, "spec": {"backoffLimit": 0}, "status": {}})
    standin.put("log", b"2026-11-29T11:00:00.1Z at work\n")
    (tmp_path / "main.py").write_text(TEXT)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("OVENBIRD_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return standin


def put_pod(standin: StandIn, **status: Any) -> None:
    """Let the list and the watch tell of a pod."""
    pod = make_pod(**status)
    standin.put("pods", {"items": [pod]})
    standin.put("changes", (json.dumps({"type": "ADDED", "object": pod}, indent=4) + "\n").encode())


def start(**options: Any) -> Any:
    """Run the function, and do not wait for it."""
    return ob.function("main.py:handler").run(on="cluster", image=IMAGE, wait=False, **options)


def test_a_run_that_cannot_be_followed(standin: StandIn) -> None:
    """While it goes on its record says so, and `wait` raises the reason, with how to come back; nothing is deleted."""
    (standin.folder / "failure").write_text("Error from server (Forbidden): jobs is forbidden: cannot get")
    run = start()
    with pytest.raises(ClusterAccessError, match="the run goes on: `ovenbird runs follow test-a-run-"):
        run.wait(timeout=60)
    assert run.state == "RUNNING"
    assert not (standin.folder / "deleted").exists()


def test_a_run_that_does_not_start(standin: StandIn) -> None:
    """Its Job is deleted, its record says ERROR and why."""
    put_pod(standin, phase="Pending", containerStatuses=BAD_NAME)
    with pytest.raises(ImagePullError):
        ob.function("main.py:handler").run(on="cluster", image=IMAGE)
    (run,) = ob.runs()
    assert (run.state, run.error["type"]) == ("ERROR", "cluster.image")
    assert (standin.folder / "deleted").exists()


def test_a_run_that_is_stopped(standin: StandIn) -> None:
    """It is STOPPED, and no error."""
    put_pod(standin, phase="Running", containerStatuses=RUNNING)
    run = start()
    run.stop()
    (standin.folder / "job").unlink()
    assert run.wait(timeout=60).state == "STOPPED"


@pytest.mark.parametrize(
    ("options", "error", "part"),
    [
        ({"start_timeout": "soon"}, BuildRequestError, "start_timeout=: expected"),
        ({"retries": "many"}, BuildRequestError, "retries=: expected a number that is 0 or more, found"),
        ({"volume": 3}, BuildRequestError, "volume= takes a text, or a list of texts, found a value of type int"),
        ({"context": ["a"]}, BuildRequestError, "context= takes a text or a number"),
        ({"reuse": True}, BuildRequestError, "what this Job records goes with its pod"),
        ({"output_dir": "out"}, SettingsError, "takes no output_dir="),
        ({"inputs": {"name": "https://u:pw1234@example.com/a"}}, ArgumentsError, "is a URL with a password"),
    ],
    ids=["start_timeout", "retries", "volume", "context", "reuse", "output_dir", "password"],
)
@pytest.mark.usefixtures("standin")
def test_options_that_are_refused(options: dict[str, Any], error: type[OvenbirdError], part: str) -> None:
    """Before anything is created, with the name of the option."""
    with pytest.raises(error, match=part) as failure:
        start(**options)
    assert "pw1234" not in str(failure.value)
    assert not list(ob.runs())


def test_options_as_they_are_natural(standin: StandIn) -> None:
    """Texts, numbers and mappings are taken alike; the record of an input has no signature."""
    url = "https://example.com/a?version=3&X-Amz-Signature=abcdef"
    run = start(start_timeout="5m", retries="2", cpu=1, secret={"TOKEN": "keys/token"}, inputs={"name": url})
    assert run.spec.inputs["name"] == "https://example.com/a?version=3&X-Amz-Signature=***"
    run.stop()
    (standin.folder / "job").unlink()
    assert run.wait(timeout=60).state == "STOPPED"
