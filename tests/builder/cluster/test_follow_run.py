"""A run whose pod does not end by itself, as kubectl tells it: a node that vanishes, an eviction, a quota of time."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ovenbird_builder.cluster.follow_run import follow_run
from ovenbird_builder.cluster.run_view import RunView
from ovenbird_builder.errors import PodLostError, PodStartError

from .conftest import StandIn, make_pod, make_state

RUNNING = make_state(running={"startedAt": "2026-11-29T11:00:00Z"})


def make_job(**conditions: str) -> dict[str, Any]:
    """Return a Job with conditions that are true, each with its reason."""
    listed = [{"type": name, "status": "True", "reason": reason} for name, reason in conditions.items()]
    return {"metadata": {"name": "greet"}, "spec": {"backoffLimit": 0}, "status": {"conditions": listed}}


def put_changes(standin: StandIn, *changes: tuple[str, dict[str, Any]]) -> None:
    """Let a watch tell these changes of pods."""
    with (standin.folder / "changes").open("a") as file:
        file.writelines(json.dumps({"type": kind, "object": pod}, indent=4) + "\n" for kind, pod in changes)


class Log:
    """What a view writes the log to."""

    def __init__(self) -> None:
        self.text = b""

    def write(self, data: bytes, /) -> None:
        """Add text."""
        self.text += data

    def flush(self) -> None:
        """Do nothing."""


@pytest.fixture(autouse=True)
def empty(standin: StandIn) -> None:
    """Begin with no pods and an empty log."""
    standin.put("pods", {"items": []})
    standin.put("log", b"2026-11-29T11:00:00.1Z at work\n")


class Scene(RunView):
    """A view that lets something happen when a text is said."""

    def __init__(self, log: Log, text: str, happen: Callable[[], object]) -> None:
        super().__init__(log)
        self._text, self._happen = text, happen
        self.said: list[str] = []

    def say(self, word: str, text: str) -> None:
        """Note the text, and let happen what it waits for."""
        self.said.append(text)
        if self._text in f"{word} {text}":
            self._text = "\0"
            self._happen()


def test_a_node_that_vanishes(standin: StandIn) -> None:
    """The pod is deleted while it runs, and the Job fails: the log so far, and an error that names the node."""
    running = make_pod(phase="Running", containerStatuses=RUNNING)
    put_changes(standin, ("ADDED", running))
    standin.put("job", make_job())

    def vanish() -> None:
        put_changes(standin, ("DELETED", running))
        standin.put("job", make_job(Failed="BackoffLimitExceeded"))

    log = Log()
    with pytest.raises(PodLostError, match="its node node1 has vanished"):
        follow_run(standin.kubectl, "greet", Scene(log, "running pod greet-1", vanish))
    assert log.text == b"at work\n"


def test_a_pod_that_is_made_again(standin: StandIn) -> None:
    """An evicted one is told of, and the run's end is that of the next; results are those of its message."""
    evicted = make_pod("greet-1", phase="Failed", reason="Evicted", message="The node was low on resource: memory.")
    message = json.dumps({"state": "COMPLETED", "run": "store://p/run/r:1", "results": {"rows": 3}, "outputs": {}})
    times = {"startedAt": "2026-11-29T11:00:00Z", "finishedAt": "2026-11-29T11:00:41Z"}
    terminated = {"exitCode": 0, "message": message, **times}
    waiting = make_pod("greet-2", phase="Pending")
    done = make_pod("greet-2", phase="Succeeded", containerStatuses=make_state(terminated=terminated))
    for pod in (waiting, done):
        pod["metadata"]["creationTimestamp"] = "2026-11-29T11:00:01Z"
    put_changes(standin, ("ADDED", evicted), ("ADDED", waiting))
    standin.put("job", make_job())
    log = Log()
    view = Scene(log, "it is made again", lambda: put_changes(standin, ("MODIFIED", done)))
    end = follow_run(standin.kubectl, "greet", view)
    assert end.describe() == "COMPLETED in 41 s   rows=3"
    assert log.text == b"at work\n"
    assert any("was evicted: The node was low on resource: memory.; it is made again" in text for text in view.said)


def test_a_job_that_is_complete_without_its_pod(standin: StandIn) -> None:
    """It is COMPLETED, with a note that its results are not known."""
    standin.put("job", make_job(Complete="CompletionsReached"))
    view = Scene(Log(), "\0", lambda: None)
    end = follow_run(standin.kubectl, "greet", view)
    assert (end.state, end.exit_code) == ("COMPLETED", 0)
    assert view.said == ["its pod is gone: no results"]


def test_a_kubectl_that_cannot_be_started_for_a_time(standin: StandIn) -> None:
    """Neither the Job is looked at nor its pods are watched; a note says why, and the run is followed from then on."""
    done = make_pod(phase="Succeeded", containerStatuses=make_state(terminated={"exitCode": 0}))
    put_changes(standin, ("ADDED", done))
    standin.put("job", make_job())
    standin.spoil()
    view = Scene(Log(), "is asked again", standin.repair)
    assert follow_run(standin.kubectl, "greet", view).state == "COMPLETED"
    problem = "the API server does not answer, and is asked again: kubectl cannot be started: Exec format error"
    assert problem in view.said
    assert "the API server answers again" in view.said


def test_the_time_until_it_runs(standin: StandIn) -> None:
    """It is looked at each second, although the watch tells nothing: the Job is asked for again much later."""
    put_changes(standin, ("ADDED", make_pod(phase="Pending")))
    standin.put("job", make_job())

    def change_later() -> None:
        standin.put("job.next", make_job(Failed="BackoffLimitExceeded"))  # what the look after the next one sees

    view = Scene(Log(), "waiting pod greet-1", change_later)
    with pytest.raises(PodStartError, match=r"it does not run after 1\.5 s: "):
        follow_run(standin.kubectl, "greet", view, start_limit=1.5)
