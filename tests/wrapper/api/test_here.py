"""`on="here"`: a run in this very process, which is afterwards as it was before."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import ovenbird as ob
from ovenbird.errors import ArgumentsError, CaptureError, RunFailedError
from ovenbird.settings import Settings

SECRET = "live object"


def describe_caller(context: Any) -> dict[str, Any]:
    """Leave the folder, print, log; return what the function finds around itself."""
    os.chdir("/")
    print("to stdout")
    context.logger.info("to the log")
    return {"pid": os.getpid(), "thread": threading.current_thread().name, "variable": os.environ.get("REGION")}


async def wait_a_little(number: int) -> int:
    """Return the number, from an event loop."""
    await asyncio.sleep(0)
    return number


def use_objects(table: Any) -> int:
    """Return the length of an object that only this process has."""
    return len(table.rows) + len(SECRET)


def interrupt() -> None:
    """Press Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)


def snapshot() -> list[Any]:
    """Return what belongs to the caller: streams, variables, folder, signals, logging."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGURG)
    root, own = logging.getLogger(), logging.getLogger("ovenbird")
    return [
        sys.stdout, sys.stderr, dict(os.environ), Path.cwd(), [signal.getsignal(number) for number in numbers],
        list(root.handlers), root.level, own.level, list(own.handlers), type(own),
    ]  # fmt: skip


def test_the_caller_is_as_before(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Streams, variables, folder, signals and logging are the caller's again; prints went there and to the log."""
    before = snapshot()
    run = ob.function(describe_caller).run(on="here", env={"REGION": "north"})
    assert snapshot() == before
    assert run.value == {"pid": os.getpid(), "thread": threading.current_thread().name, "variable": "north"}
    assert capsys.readouterr().out == "to stdout\n"
    assert "to stdout" in run.logs


def test_async_handlers_run_below_a_loop(folder: Path) -> None:
    """An async handler runs where no loop does, and below the running loop of a notebook."""

    async def main() -> int:
        return int(ob.function(wait_a_little).run(number=2, on="here").value)

    assert ob.function(wait_a_little).run(number=1, on="here").value == 1
    assert asyncio.run(main()) == 2


def test_live_objects_are_parameters(folder: Path) -> None:
    """A function takes objects that no other process could get; its source names them, so only this process has it."""

    class Table:
        rows = (1, 2)

    function = ob.function(use_objects)
    assert function.run(table=Table(), on="here").value == 2 + len(SECRET)
    with pytest.raises(ArgumentsError, match="'table' is of type Table"):
        function.run(table=Table())


def test_what_has_no_source_runs_here_only(folder: Path) -> None:
    """A lambda runs in this process, without a recorded source; so no earlier run can be taken for it."""
    numbers = [lambda: 7]
    assert ob.function(numbers[0]).run(on="here").value == 7
    for options in ({}, {"on": "here", "reuse": True}):
        with pytest.raises(CaptureError):
            ob.function(numbers[0]).run(**options)


def test_ctrl_c_stops_the_run(folder: Path) -> None:
    """Ctrl-C reaches the caller as ever, and the run is recorded as STOPPED."""
    with pytest.raises(KeyboardInterrupt):
        ob.function(interrupt).run(on="here")
    (record,) = (entry for entry in _list_runs(folder))
    assert record["status"]["state"] == "STOPPED"


_PRESSING = {
    "import": "press()\ndef work(): pass",
    "init": "def init(context): press()\ndef work(): pass",
    "handler": "def work(): press()",
    "outputs": "class Odd:\n    def __reduce__(self): press(); return int, ()\ndef work(): return Odd()",
}


@pytest.mark.parametrize("part", _PRESSING)
def test_ctrl_c_in_any_part_stops_the_run(folder: Path, part: str) -> None:
    """Also where failures are not raised: a loop over runs ends, and the run is STOPPED."""
    text = f"import os, signal\ndef press(): os.kill(os.getpid(), signal.SIGINT)\n{_PRESSING[part]}\n"
    (folder / f"pressing_{part}.py").write_text(text)
    with pytest.raises(KeyboardInterrupt):
        ob.function(f"pressing_{part}.py:work").run(on="here", check=False)
    (record,) = _list_runs(folder)
    assert (record["status"]["state"], record["status"]["error"]["message"]) == ("STOPPED", "stopped by SIGINT")


def test_a_failure_while_ctrl_c_is_handled_is_a_failure(folder: Path) -> None:
    """A caller that handles Ctrl-C may run functions: what fails in them is no Ctrl-C."""
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        run = ob.function("train.py:train").run(fail=True, on="here", check=False)
    assert (run.state, run.error.type) == ("ERROR", "ValueError")


def test_runs_of_several_threads_keep_their_logs(folder: Path) -> None:
    """Runs of several threads at once each have the log of what they printed, and the streams are as before."""
    before, runs = snapshot(), {}
    barrier = threading.Barrier(3)

    def say(number: int) -> int:
        barrier.wait(20)
        print("number", number)
        barrier.wait(20)
        return number

    def work(number: int) -> None:
        runs[number] = ob.function(say).run(number=number, on="here")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert snapshot() == before
    for number, run in runs.items():
        assert run.value == number
        assert [line for line in run.logs.splitlines() if line.startswith("number")] == [f"number {number}"]


def test_an_original_exception_is_the_cause(folder: Path) -> None:
    """The error of a failed run has the very exception as its cause, for a debugger."""
    failure = ValueError("no")

    def fail() -> None:
        raise failure

    with pytest.raises(RunFailedError) as caught:
        ob.function(fail).run(on="here")
    assert caught.value.__cause__ is failure


def _list_runs(folder: Path) -> list[dict[str, Any]]:
    from ovenbird.api.stores import open_shared_store

    store = open_shared_store(Settings(), {"OVENBIRD_HOME": str(folder / ".ovenbird")})
    return list(store.iterate_records("run"))
