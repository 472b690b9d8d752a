"""Runs on a platform: Core gets the function and the run, and what comes of it is read back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.core.fixtures import core, platform
from tests.core.server import Double
from tests.jobs import Jobs
from tests.service import wait_until
from tests.stores import moto, s3

import ovenbird as ob
from ovenbird import Run
from ovenbird.api.failures import check_run
from ovenbird.api.stores import open_shared_store
from ovenbird.errors import ArgumentsError, RunFailedError, SettingsError
from ovenbird.platform.core.store import DigitalHubStore
from ovenbird.settings import resolve

__all__ = ["core", "moto", "platform", "s3"]
pytestmark = pytest.mark.slow


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """A thread for the call that waits."""
    with ThreadPoolExecutor(1) as executor:
        yield executor


@pytest.fixture
def variables(platform: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The variables of a platform, in this process too."""
    for name, value in {**platform, "PROJECT_NAME": "p"}.items():
        monkeypatch.setenv(name, value)
    return platform


def execute(core: Double, jobs: Jobs, variables: dict[str, str]) -> str:
    """Do what the cluster does with the run that Core has: execute it in a process, and record its end."""
    (run,) = wait_until(lambda: core.entities.all("p", "run"), lambda: "Core has no run")
    identity = str(run["id"])
    core.settle("p", identity)
    process = jobs.start_ovenbird("run", RUN_ID=identity, PROJECT_NAME="p", **variables)
    _, err = process.communicate(timeout=60)
    core.entities.logs[identity] = ["the cluster's log"]
    core.set_state("p", identity, "ERROR" if process.returncode else "COMPLETED")
    return str(err)


@pytest.mark.parametrize("fail", [False, True])
def test_a_run_is_executed_by_the_platform(
    folder: Path, core: Double, jobs: Jobs, variables: dict[str, str], pool: ThreadPoolExecutor,
    capsys: pytest.CaptureFixture[str], fail: bool,
) -> None:  # fmt: skip
    """Core has the module's text, the task and the parameters; state, results and error are read back."""
    function = ob.function("train.py:train")
    future = pool.submit(function.run, depth=4, fail=fail, on="platform", check=False, name="deep", env={"MARK": "m"})
    execute(core, jobs, variables)
    run: Run = future.result(timeout=60)
    assert run.status.state == ("ERROR" if fail else "COMPLETED")
    assert "the cluster's log" in capsys.readouterr().out
    (stored,) = core.entities.all("p", "run")
    assert (stored["spec"]["parameters"], stored["spec"]["local_execution"]) == ({"depth": 4, "fail": fail}, False)
    assert stored["spec"]["envs"] == [{"name": "MARK", "value": "m"}]
    assert stored["metadata"]["name"] == "deep"
    (registered,) = core.entities.all("p", "function")
    assert registered["spec"]["source"]["handler"] == "train:train"
    if fail:
        assert "no such depth" in run.error.message
        with pytest.raises(RunFailedError, match="no such depth"):
            check_run(run)
    else:
        assert run.results == {"output_0": 8}


def test_a_run_is_not_waited_for(folder: Path, core: Double, variables: dict[str, str]) -> None:
    """Its handle asks Core: for its state, and to stop it. The same function is registered once."""
    function = ob.function("train.py:train")
    run = function.run(depth=2, on="platform", wait=False)
    core.settle("p", run.id)
    assert (run.state, run.is_own) == ("RUNNING", False)
    run.stop()
    wait_until(lambda: run.state in ("STOP", "STOPPED"), lambda: run.state)
    function.run(depth=3, on="platform", wait=False)
    with pytest.raises(ArgumentsError, match="the platform reads entities alone"):
        function.run(inputs={"depth": "train.py"}, on="platform")
    with pytest.raises(ArgumentsError, match=r"is 'https://host/x\.csv': the platform"):
        function.run(inputs={"depth": "https://user:hush@host/x.csv"}, on="platform")
    assert len(core.entities.all("p", "function")) == 1


def test_ctrl_c_here_leaves_the_patience_of_the_store(folder: Path, core: Double, variables: dict[str, str]) -> None:
    """A program that goes on after Ctrl-C waits for Core as long as before."""
    (folder / "press.py").write_text("import os, signal\ndef press(): os.kill(os.getpid(), signal.SIGINT)\n")
    store = open_shared_store(resolve("run", {}, os.environ), os.environ)
    assert isinstance(store, DigitalHubStore)
    patience = store.client.patience
    with pytest.raises(KeyboardInterrupt):
        ob.function("press.py:press").run(on="here")
    assert open_shared_store(resolve("run", {}, os.environ), os.environ) is store
    assert store.client.patience == patience > 5
    assert [run["status"]["state"] for run in core.entities.all("p", "run")] == ["STOPPED"]


def test_what_a_platform_cannot_do(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a platform there is one clear error; nor does it take paths of this machine, or time limits."""
    monkeypatch.delenv("DHCORE_ENDPOINT", raising=False)
    function = ob.function("train.py:train")
    with pytest.raises(SettingsError, match=r"no platform is configured .*DHCORE_ENDPOINT"):
        function.run(on="platform")
    monkeypatch.setenv("DHCORE_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(SettingsError, match="takes no timeout="):
        function.run(on="platform", timeout=5)
    with pytest.raises(SettingsError, match="env= has 'API_TOKEN'") as caught:
        function.run(on="platform", env={"MARK": "m", "API_TOKEN": "hidden-value"})
    assert "hidden-value" not in str(caught.value)
