"""`ovenbird.function` and `Function.run`: where it runs, what it returns, what it raises."""

from __future__ import annotations

from pathlib import Path

import pytest

import ovenbird as ob
from ovenbird.errors import ArgumentsError, LoadError, RunFailedError, SettingsError

pytestmark = pytest.mark.slow
PLACES = ["here", "process"]


def double(number: int = 1) -> int:
    """Return twice the number."""
    return 2 * number


@pytest.mark.parametrize("place", PLACES)
def test_a_target_is_run(folder: Path, capsys: pytest.CaptureFixture[str], place: str) -> None:
    """A target runs with its parameters and prints to stdout; name, tags, note and log are recorded."""
    run = ob.function("train.py:train").run(depth=5, on=place, name="deep", tags={"size": "small"}, note="why")
    assert (run.status.state, run.results(), run.status.parameters) == (
        "COMPLETED", {"output_0": 10}, {"depth": 5, "fail": False},
    )  # fmt: skip
    assert (run.metadata.name, run.metadata.labels, run.metadata.description) == ("deep", ["size=small"], "why")
    assert capsys.readouterr().out == "training 5\n"
    assert all(text in run.logs()[0].text for text in ("training 5", "COMPLETED"))


@pytest.mark.parametrize("place", PLACES)
def test_a_failed_run_raises(folder: Path, place: str) -> None:
    """A run that fails raises an error with its run and the user's traceback; with `check=False` it is returned."""
    function = ob.function("train.py:train")
    with pytest.raises(RunFailedError, match="ValueError: no such depth") as caught:
        function.run(fail=True, on=place)
    with pytest.raises(ArgumentsError, match="did you mean 'depth'"):
        function.run(deepth=1, on=place)
    assert caught.value.run.status.state == "ERROR"
    assert 'raise ValueError("no such depth")' in caught.value.cause
    assert "no such depth" in str(caught.value.__cause__)
    assert function.run(fail=True, on=place, check=False).status.error.type == "ValueError"


@pytest.mark.parametrize("place", PLACES)
def test_an_object_is_run(folder: Path, place: str) -> None:
    """A function object runs as it does by its target."""
    assert ob.function(double).run(number=4, on=place).results() == {"output_0": 8}


@pytest.mark.parametrize(("options", "error", "text"), [
    pytest.param({"on": "cluster9"}, SettingsError, "cannot be there", id="place"),
    pytest.param({"timeout": "soon"}, SettingsError, "timeout='soon'", id="timeout"),
    pytest.param({"name": "a b"}, SettingsError, "name='a b'", id="name"),
    pytest.param({"tags": 5}, SettingsError, "tags=5", id="tags"),
    pytest.param({"env": {"A": 1}}, SettingsError, "'A' is of type int", id="env"),
    pytest.param({"inputs": {"a": ""}}, ArgumentsError, "the value of the input 'a' is empty", id="empty-input"),
    pytest.param({"inputs": {"a": 5}}, ArgumentsError, "'a' is of type int", id="input"),
    pytest.param({"params": {"depth": 1}, "depth": 2}, ArgumentsError, "given twice", id="twice"),
    pytest.param({"depth": object()}, ArgumentsError, "'depth' is of type object", id="object"),
    pytest.param({"depth": b"x"}, ArgumentsError, "'depth' is of type bytes", id="bytes"),
    pytest.param({"depth": [{1: "a"}]}, ArgumentsError, "'depth' is of type list", id="keys"),
    pytest.param({"init": 5}, ArgumentsError, "init= takes a mapping", id="init"),
    pytest.param({"init": {1: 2}}, ArgumentsError, "init= has a name that is no text: 1", id="init-name"),
    pytest.param({"init": {"a": object()}}, ArgumentsError, "'a' is of type object", id="init-value"),
    pytest.param({"on": "here", "wait": False}, SettingsError, "wait=False", id="here"),
    pytest.param({"on": "here", "timeout": 5}, SettingsError, "no timeout", id="here-timeout"),
])  # fmt: skip
def test_wrong_options_are_refused(folder: Path, options: dict[str, object], error: type, text: str) -> None:
    """What cannot be meant raises a typed error before anything is started or recorded."""
    with pytest.raises(error, match=text):
        ob.function("train.py:train").run(**options)
    assert not list(folder.glob(".ovenbird/logs/*"))


@pytest.mark.parametrize("place", PLACES)
def test_wrong_arguments_of_an_object_start_nothing(folder: Path, place: str) -> None:
    """An argument that an object does not have raises before a process is started, or a run recorded."""
    with pytest.raises(ArgumentsError, match="did you mean 'number'"):
        ob.function(double).run(numbre=4, on=place)
    assert not (folder / ".ovenbird").exists()


def test_wrong_targets_are_refused(folder: Path) -> None:
    """A target that is none raises when it is named."""
    for target in ("missing.py:train", 5, "train"):
        with pytest.raises(LoadError):
            ob.function(target)


def test_a_run_is_not_waited_for(folder: Path) -> None:
    """With `wait=False` the run has begun, and `wait` returns it when it has ended."""
    run = ob.function("train.py:train").run(depth=2, wait=False)
    assert run.status.state in ("RUNNING", "COMPLETED")
    assert run.wait().results() == {"output_0": 4}
