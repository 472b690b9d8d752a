"""A Job that is followed: what is deleted, what is left, and how to come back."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ovenbird.errors import StdoutError
from ovenbird_builder.cluster.detach import SignalWatch
from ovenbird_builder.cluster.jobs import CreatedJob
from ovenbird_builder.cluster.run_view import RunView
from ovenbird_builder.commands.cluster_following import FollowCall, follow_job
from ovenbird_builder.errors import ClusterAccessError, ClusterError, ImagePullError

from ..cluster.conftest import StandIn, make_pod, make_state

pytestmark = pytest.mark.slow

BAD_NAME = make_state(waiting={"reason": "InvalidImageName"})
RUNNING = make_state(running={"startedAt": "2026-11-29T11:00:00Z"})
ENDED = make_state(terminated={"exitCode": 3, "message": "ValueError: no"})
GREET = CreatedJob("greet", "team-a")


@pytest.fixture
def standin(tmp_path: Path) -> StandIn:
    """A stand-in for kubectl, with a Job that goes on."""
    standin = StandIn(tmp_path)
    standin.put("job", {"metadata": {"name": "greet"}, "spec": {"backoffLimit": 1}, "status": {}})
    standin.put("log", b"2026-11-29T11:00:00.1Z at work\n")
    return standin


class Log:
    """What a view writes the log to; each write lets something happen."""

    def __init__(self, happen: Callable[[], object]) -> None:
        self._happen = happen

    def write(self, _: bytes, /) -> None:
        """Let it happen."""
        self._happen()

    def flush(self) -> None:
        """Do nothing."""


def put_pods(standin: StandIn, *pods: dict[str, object]) -> None:
    """Let the watch and the list tell of these pods."""
    standin.put("pods", {"items": pods})
    events = [json.dumps({"type": "ADDED", "object": pod}, indent=4) + "\n" for pod in pods]
    standin.put("changes", "".join(events).encode())


def follow(standin: StandIn, happen: Callable[[], object] = lambda: None) -> int:
    """Follow a Job of this call."""
    return follow_job(FollowCall(standin.kubectl, RunView(Log(happen)), SignalWatch(), is_own=True), GREET)


@pytest.mark.parametrize("has_begun", [False, True])
def test_a_pod_that_cannot_start(standin: StandIn, *, has_begun: bool) -> None:
    """Its Job is deleted, unless another pod of it has run: then the error says how to come back."""
    earlier = [make_pod("greet-0", phase="Failed", containerStatuses=ENDED)] if has_begun else []
    waiting = make_pod("greet-1", phase="Pending", containerStatuses=BAD_NAME)
    waiting["metadata"]["creationTimestamp"] = "2026-11-29T11:00:09Z"
    put_pods(standin, *earlier, waiting)
    with pytest.raises(ImagePullError) as failure:
        follow(standin)
    assert (standin.folder / "deleted").exists() != has_begun
    assert ("ovenbird runs follow greet --cluster" in failure.value.hint) == has_begun


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('Error from server (Forbidden): jobs.batch "greet" is forbidden: User "u" cannot get', ClusterAccessError),
        ("error: something else", ClusterError),
    ],
    ids=["forbidden", "other"],
)
def test_an_error_while_it_runs(standin: StandIn, text: str, error: type[ClusterError]) -> None:
    """Nothing is deleted, and the error says how to come back."""
    put_pods(standin, make_pod(phase="Running", containerStatuses=RUNNING))
    (standin.folder / "failure").write_text(text)
    with pytest.raises(error) as failure:
        follow(standin)
    assert "ovenbird runs follow greet --cluster" in failure.value.hint
    assert not (standin.folder / "deleted").exists()


def test_credentials_that_fail_for_a_moment(standin: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    """The run is followed to its end."""
    failure = standin.folder / "failure"
    failure.write_text("Unable to connect to the server: getting credentials: exec: i/o timeout")
    put_pods(standin, make_pod(phase="Running", containerStatuses=RUNNING))

    def end() -> None:
        failure.unlink(missing_ok=True)
        status = {"conditions": [{"type": "Failed", "status": "True"}]}
        standin.put("job", {"metadata": {"name": "greet"}, "spec": {"backoffLimit": 0}, "status": status})
        put_pods(standin, make_pod(phase="Failed", containerStatuses=ENDED))

    assert follow(standin, end) == 3
    said = capsys.readouterr().err
    assert "cannot be asked, and is asked again: Unable to connect" in said
    assert "the API server answers again" in said


def test_a_stdout_that_is_closed(standin: StandIn) -> None:
    """It is an error that says how to come back: the run goes on."""
    put_pods(standin, make_pod(phase="Running", containerStatuses=RUNNING))

    def close() -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    with pytest.raises(StdoutError, match="cannot write to stdout: Broken pipe") as failure:
        follow(standin, close)
    assert failure.value.exit_code
    assert "the run goes on: `ovenbird runs follow greet --cluster`" in failure.value.hint
    assert not (standin.folder / "deleted").exists()
