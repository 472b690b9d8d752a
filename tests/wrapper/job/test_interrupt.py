"""A run is stopped by signals and by its time limit, and its record has the reason."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.jobs import Jobs

from ovenbird.job.interrupt import Interruption, RunInterrupted

_WAITS = """
import time
from collections.abc import Iterator
from pathlib import Path

{head}
def handler(project):
    project.log_artifact("before", data=b"kept")
    try:
        Path("started").touch()
        {wait}
    finally:
        Path("cleaned").touch()
"""
_SWALLOWS = """while True:
            try:
                time.sleep(3600)
            except Exception:
                pass"""
_LOOPS = {
    "sleep": _WAITS.format(head="", wait="time.sleep(3600)"),
    "loop": _WAITS.format(head="", wait="while True: sum(range(10))"),
    "swallow": _WAITS.format(head="", wait=_SWALLOWS),
    "async": _WAITS.format(head="import asyncio", wait="await asyncio.sleep(3600)").replace("def", "async def"),
    "lock": _WAITS.format(head="import threading", wait="threading.Event().wait()"),
}  # fmt: skip


@pytest.mark.parametrize("source", _LOOPS.values(), ids=list(_LOOPS))
def test_sigterm_stops_the_handler(jobs: Jobs, source: str) -> None:
    """Exit 143 and STOPPED; the handler's cleanup has run, and the outputs it had logged are stored."""
    process, wait = jobs.start(source)
    jobs.wait_until((jobs.folder / "started").exists)
    process.send_signal(signal.SIGTERM)
    job = wait()
    assert (job.code, job.result["state"]) == (143, "STOPPED"), job.err
    assert job.error == {"type": "stopped", "message": "stopped by SIGTERM", "traceback": ""}
    assert (jobs.folder / "cleaned").exists()
    assert list(job.result["outputs"]) == ["before"]
    assert jobs.read_record(job)["status"]["state"] == "STOPPED"


def test_sigint_stops_the_handler(jobs: Jobs) -> None:
    """Ctrl-C is exit 130 and STOPPED."""
    process, wait = jobs.start(_LOOPS["sleep"])
    jobs.wait_until((jobs.folder / "started").exists)
    process.send_signal(signal.SIGINT)
    job = wait()
    assert (job.code, job.result["state"], job.error["message"]) == (130, "STOPPED", "stopped by SIGINT")


def test_sighup_stops_the_handler(jobs: Jobs) -> None:
    """A terminal that is closed is exit 129 and STOPPED, with a record."""
    process, wait = jobs.start(_LOOPS["sleep"])
    jobs.wait_until((jobs.folder / "started").exists)
    process.send_signal(signal.SIGHUP)
    job = wait()
    assert (job.code, job.result["state"], job.error["message"]) == (129, "STOPPED", "stopped by SIGHUP")
    assert (jobs.folder / "cleaned").exists()


@pytest.mark.parametrize("name", ["HUP", "INT"])
def test_a_signal_that_was_ignored_at_the_start_stays_so(jobs: Jobs, name: str) -> None:
    """Under nohup a run outlives its terminal, and one that a script runs behind outlives Ctrl-C."""
    source = _WAITS.format(head="", wait="while not Path('go').exists(): time.sleep(0.01)")
    jobs.write(source)
    words = ["sh", "-c", f"trap '' {name}; exec {sys.executable} -m ovenbird run main.py --result-file result.json"]
    with subprocess.Popen(words, cwd=jobs.folder, env={**os.environ, "OVENBIRD_HOME": str(jobs.home)}) as process:
        jobs.wait_until((jobs.folder / "started").exists)
        process.send_signal(signal.Signals[f"SIG{name}"])
        (jobs.folder / "go").touch()
        assert process.wait(60) == 0


# Two loops: an exception that comes just between `except` and `try` of the inner one is swallowed by the outer one.
_SWALLOW = """while True:
            try:
                while True:
                    try:
                        Path("ready").touch()
                        {wait}
                    except{what}:
                        {then}
            except:
                pass"""
_STUBBORN = {
    "a bare except in a loop": _SWALLOW.format(wait="time.sleep(3600)", what="", then='print("swallowed")'),
    "a bare except around a wait": _SWALLOW.format(wait="threading.Event().wait()", what=" BaseException", then="pass"),
}


@pytest.mark.slow
@pytest.mark.parametrize("cause", ["SIGTERM", "SIGINT", "SIGHUP", "time limit"])
@pytest.mark.parametrize("name", _STUBBORN)
def test_a_handler_that_swallows_it_is_ended_by_force(jobs: Jobs, name: str, cause: str) -> None:
    """The record and the result file are written, with what was stored so far and where the function was."""
    source = _WAITS.format(head="import threading\n", wait=_STUBBORN[name])
    limit = ["--timeout", "5s"] if cause == "time limit" else []
    process, wait = jobs.start(source, "--grace", "2s", *limit)
    jobs.wait_until((jobs.folder / "ready").exists)
    if cause != "time limit":
        process.send_signal(signal.Signals[cause])
    job = wait()
    code, state = (75, "ERROR") if cause == "time limit" else (128 + signal.Signals[cause], "STOPPED")
    assert (job.code, job.result["state"]) == (code, state), job.err
    assert job.error["message"].endswith("; it had not ended 2 seconds later, and was ended by force")
    assert "main.py" in job.error["traceback"]
    assert list(job.result["outputs"]) == ["before"]
    status = jobs.read_record(job)["status"]
    assert (status["state"], status["error"]) == (state, job.error)
    assert state in "".join(json.loads(line)["message"] for line in job.err.splitlines() if line.startswith("{"))


@pytest.mark.slow
def test_a_pool_that_waits_for_its_work_is_interrupted_again(jobs: Jobs) -> None:
    """`with ThreadPoolExecutor()` waits in `__exit__` for threads that sleep on: the second exception ends that."""
    source = """
        from concurrent.futures import ThreadPoolExecutor
        import time
        def handler():
            with ThreadPoolExecutor(2) as pool:
                return list(pool.map(time.sleep, [3600, 3600]))
    """
    job = jobs.run(source, "--timeout", "1s", "--grace", "20s")
    assert (job.code, job.result["state"]) == (75, "ERROR"), job.err
    assert job.error["message"] == "stopped by the time limit of 1 seconds"


@pytest.mark.slow
def test_cleaning_up_has_half_of_the_grace(jobs: Jobs) -> None:
    """A handler's cleanup is not cut short before that time."""
    cleaning = "time.sleep(2); Path('saved').touch()"
    process, wait = jobs.start(
        f"import time\nfrom pathlib import Path\ndef handler():\n    try:\n        Path('started').touch()\n"
        f"        time.sleep(3600)\n    finally:\n        {cleaning}\n",
        "--grace", "60s",
    )  # fmt: skip
    jobs.wait_until((jobs.folder / "started").exists)
    process.send_signal(signal.SIGTERM)
    assert wait().code == 143
    assert (jobs.folder / "saved").exists()


@pytest.mark.slow
def test_a_handler_that_catches_it_and_returns_has_completed(jobs: Jobs) -> None:
    """Training that is stopped early keeps its model, however long that takes to store: `grace` ends with the handler.

    A pickle that takes longer than the grace stands for a large model.
    """
    source = """
        import time
        from pathlib import Path
        class Model:
            def __reduce__(self):
                time.sleep(4)
                return (dict, ())
        def handler():
            try:
                Path("started").touch()
                time.sleep(3600)
            except KeyboardInterrupt:
                return Model()
    """
    process, wait = jobs.start(source, "--grace", "2s")
    jobs.wait_until((jobs.folder / "started").exists)
    process.send_signal(signal.SIGINT)
    job = wait()
    assert (job.code, job.result["state"], list(job.result["outputs"])) == (0, "COMPLETED", ["output_0"]), job.err


@pytest.mark.slow
def test_a_second_ctrl_c_need_not_wait(jobs: Jobs) -> None:
    """Who presses Ctrl-C again, a second later, stops what the handler does about the first."""
    source = """
        import time
        from pathlib import Path
        def handler():
            try:
                Path("started").touch()
                time.sleep(3600)
            finally:
                Path("cleaning").touch()
                time.sleep(3600)
    """
    process, wait = jobs.start(source, "--grace", "0")
    jobs.wait_until((jobs.folder / "started").exists)
    process.send_signal(signal.SIGINT)
    jobs.wait_until((jobs.folder / "cleaning").exists)
    time.sleep(1.1)  # what comes sooner is the echo of the first
    process.send_signal(signal.SIGINT)
    assert wait().code == 130


@pytest.mark.slow
def test_code_that_keeps_the_interpreter_to_itself_is_ended(jobs: Jobs) -> None:
    """Python code cannot run meanwhile, so the end is recorded by the next process that opens the store."""
    source = "import collections, itertools\ndef handler():\n    collections.deque(itertools.repeat(0), maxlen=0)\n"
    job = jobs.run(source, "--timeout", "500ms", "--grace", "500ms")
    assert job.code == 1
    assert "main.py" in job.err, "the stack says where"
    assert [run["state"] for run in jobs.list_runs()] == ["ERROR"]


def test_sigterm_while_the_module_is_imported(jobs: Jobs) -> None:
    """A long import is part of the run: it is stopped and recorded like the handler."""
    process, wait = jobs.start(
        "import time\nfrom pathlib import Path\nPath('started').touch()\ntime.sleep(3600)\ndef handler(): pass\n"
    )
    jobs.wait_until((jobs.folder / "started").exists)
    process.send_signal(signal.SIGTERM)
    job = wait()
    assert (job.code, job.result["state"]) == (143, "STOPPED"), job.err


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sleep", "loop", "async"])
def test_the_time_limit_stops_the_handler(jobs: Jobs, name: str) -> None:
    """Exit 75 and ERROR, whether the handler sleeps in C, loops or waits on the loop."""
    job = jobs.run(_LOOPS[name], "--timeout", "1s")
    assert (job.code, job.result["state"], job.error["type"]) == (75, "ERROR", "time_limit"), job.err
    assert job.error["message"] == "stopped by the time limit of 1 seconds"
    assert (jobs.folder / "cleaned").exists()


@pytest.mark.slow
def test_init_is_stopped_too(jobs: Jobs) -> None:
    """The time limit covers init."""
    job = jobs.run("import time\ndef init(context): time.sleep(3600)\ndef handler(): pass\n", "--timeout", "500ms")
    assert (job.code, job.result["state"]) == (75, "ERROR"), job.err


@pytest.fixture
def signals() -> Iterator[None]:
    """The handlers of the test run itself, put back afterwards."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGURG)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def _never(interrupted: RunInterrupted) -> None:
    raise AssertionError(interrupted.reason)


@pytest.mark.usefixtures("signals")
def test_the_echo_of_a_signal_is_ignored() -> None:
    """A terminal and a parent send the same one: what cleans up after the first is not cut short by the second.

    Nor is what comes after the block.
    """
    cleaned = False

    def work() -> None:
        nonlocal cleaned
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGINT)
            cleaned = True

    with pytest.raises(RunInterrupted) as caught, Interruption(0, 3600, _never):
        work()
    signal.raise_signal(signal.SIGTERM)
    assert (caught.value.reason, cleaned) == ("SIGTERM", True)


_EARLY = """
import os, signal, sys
from ovenbird.function.target import parse
from ovenbird.job.entrypoint import start_job
from ovenbird.job.execution import RunEnvironment
from ovenbird.job.run_process import execute
from ovenbird.platform.store_factory import open_store
from ovenbird.settings import Settings

store = open_store("local", os.environ)
job = start_job(parse("wait.py:handler"), RunEnvironment(Settings(), os.environ, store), {}, {})
os.kill(os.getpid(), getattr(signal, sys.argv[1]))
end = execute(job)
print(end.state, end.exit_code, os.path.exists("called"))
"""


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_signal_between_the_record_and_the_run_stops_it(tmp_path: Path, name: str, code: int) -> None:
    """A run that is stopped as soon as it has a record ends as STOPPED, and its function is not called."""
    (tmp_path / "wait.py").write_text("import pathlib\n\ndef handler():\n    pathlib.Path('called').touch()\n")
    environ = {**os.environ, "OVENBIRD_HOME": str(tmp_path / "home")}
    process = subprocess.run(
        [sys.executable, "-c", _EARLY, name], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert process.stdout == f"STOPPED {code} False\n", process.stderr


@pytest.mark.usefixtures("signals")
def test_alarms_of_other_code_are_ignored() -> None:
    """SIGURG is the kernel's word for urgent data as well."""
    with Interruption(3600, 3600, _never):
        signal.raise_signal(signal.SIGURG)


@pytest.mark.usefixtures("signals")
def test_the_timer_ends_with_the_block() -> None:
    """No thread is left when the block ends before the limit."""
    before = set(threading.enumerate())
    with Interruption(3600, 8, _never):
        (timer,) = set(threading.enumerate()) - before  # threads of other tests may end meanwhile
    timer.join(10)
    assert not timer.is_alive()
