"""`on="process"`: a run in a child, which is watched, stopped, killed and outlived."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import traceback
from pathlib import Path

import pytest
from tests.service import wait_until

import ovenbird as ob
from ovenbird.common.fork_guard import guard_forks
from ovenbird.errors import LoadError, OvenbirdError, RunFailedError, WaitTimeoutError

pytestmark = pytest.mark.slow

WAIT = """
import os, pathlib, signal, time

def wait(seconds: float = 30, kill: bool = False):
    print("begun", flush=True)
    pathlib.Path("begun").touch()
    if kill:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(seconds)
"""


@pytest.fixture
def waiting(folder: Path) -> ob.Function:
    """A function that waits."""
    (folder / "wait.py").write_text(WAIT)
    return ob.function("wait.py:wait")


@pytest.mark.parametrize("is_awaited", [True, False], ids=["awaited", "in-background"])
def test_a_child_that_is_killed_is_an_error(waiting: ob.Function, is_awaited: bool) -> None:
    """A run whose process was killed ends as ERROR, and its error says by what."""
    if is_awaited:
        with pytest.raises(RunFailedError, match="was killed by SIGKILL") as caught:
            waiting.run(kill=True)
        run = caught.value.run
    else:
        run = waiting.run(kill=True, wait=False).wait(timeout=60)
    assert (run.state, run.error.type) == ("ERROR", "ProcessLost")


def test_a_run_in_the_background_is_stopped(waiting: ob.Function, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that is not waited for has a state, a log to follow, a time to wait for it, and can be stopped."""
    run = waiting.run(wait=False)
    assert run.state == "RUNNING"
    with pytest.raises(WaitTimeoutError, match="still RUNNING"):
        run.wait(timeout=0.01)
    wait_until(Path("begun").exists, lambda: "it has not begun")
    run.stop()
    assert run.follow().state == "STOPPED"
    assert "begun" in capsys.readouterr().out
    assert run.error.message == "stopped by SIGTERM"


def test_ctrl_c_stops_the_child(waiting: ob.Function, folder: Path) -> None:
    """Ctrl-C stops the child, its run is recorded as STOPPED, and the caller gets KeyboardInterrupt."""

    def press() -> None:
        wait_until((folder / "begun").exists, lambda: "it has not begun")
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(KeyboardInterrupt, match="its state is STOPPED"):
        waiting.run()
    thread.join()


@pytest.mark.parametrize("to_thread", [False, True], ids=["to the process", "to another thread"])
def test_ctrl_c_while_a_process_is_joined(waiting: ob.Function, to_thread: bool) -> None:
    """A process that goes on is not taken for one that has ended; whichever thread is given the signal."""
    run = waiting.run(wait=False)
    assert run.process is not None

    def press() -> None:
        wait_until(_is_joining, lambda: "nobody joins")
        if to_thread:
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        else:
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run.process.join(60)
    thread.join()
    assert not run.process.join(0)
    wait_until(Path("begun").exists, lambda: "it has not begun")
    run.stop()
    assert run.process.join(60)
    assert run.state == "STOPPED"


@pytest.mark.parametrize("is_awaited", [True, False], ids=["awaited", "in-background"])
def test_the_end_of_the_parent(waiting: ob.Function, folder: Path, is_awaited: bool) -> None:
    """A child that is waited for is stopped when its parent is killed; one in the background goes on."""
    seconds = 60 if is_awaited else 2
    code = f"import ovenbird as ob; ob.function('wait.py:wait').run(seconds={seconds}, wait={is_awaited}); input()"
    parent = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    wait_until((folder / "begun").exists, lambda: "it has not begun")
    parent.kill()
    parent.communicate()
    run = _find_run(folder).wait(timeout=60)
    assert run.state == ("STOPPED" if is_awaited else "COMPLETED")


def test_a_child_prints_much_before_its_run_begins(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Full pipes block neither the child, which has not read its parameters yet, nor this process."""
    monkeypatch.setenv("PYTHONVERBOSE", "1")
    (folder / "count.py").write_text("def count(text: str):\n    return len(text)\n")
    assert ob.function("count.py:count").run(text="x" * 300_000).value == 300_000
    assert "import 'ovenbird" in capsys.readouterr().err


@pytest.mark.parametrize(("line", "text"), [
    pytest.param("os.environ['OVENBIRD_STORE'] = 'nonsense://'", "OVENBIRD_STORE: expected", id="error"),
    pytest.param("os._exit(3)", "ended with 3", id="end"),
])  # fmt: skip
def test_what_is_printed_before_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str, text: str
) -> None:
    """A child that has no run raises its error, and what it has printed is shown."""
    (folder / "sitecustomize.py").write_text(f"import os\nprint('customized', flush=True)\n{line}\n")
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    with pytest.raises(OvenbirdError, match=text):
        ob.function("train.py:train").run()
    assert capsys.readouterr().out == "customized\n"


def test_a_script_needs_no_guard(folder: Path) -> None:
    """A script may run its own functions at its top; by its file, where each child would run it again, it may not."""
    script = folder / "script.py"
    text = "import ovenbird as ob\ndef double(n: int):\n    return 2 * n\nprint(ob.run({}, n=4).value)\n"
    script.write_text(text.format("double"))
    ran = subprocess.run([sys.executable, "script.py"], capture_output=True, text=True, check=True)
    assert ran.stdout == "8\n"
    script.write_text(text.format("'script.py:double'"))
    with pytest.raises(LoadError, match="a run is started while 'script:double' is imported"):
        ob.function("script.py:double").run(n=1)


def test_a_forked_child_runs_functions(folder: Path) -> None:
    """A child that was forked after runs of its parent has a store of its own, and runs functions in both ways.

    So it is where forks are guarded, as the command line and services guard them.
    """
    guard_forks()
    train = ob.function("train.py:train")
    assert train.run(depth=1, on="here").value == 2
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            if (train.run(depth=2, on="here").value, train.run(depth=3).value) == (4, 6):
                code = 7
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    assert len(list((folder / ".ovenbird" / "logs").rglob("*.log"))) == 3


def _is_joining() -> bool:
    """Return whether the main thread waits for a process."""
    frame = sys._current_frames()[threading.main_thread().ident or 0]
    return {"join", "wait"} <= {inner.f_code.co_name for inner, _ in traceback.walk_stack(frame)}


def _find_run(folder: Path) -> ob.Run:
    from ovenbird.api.stores import open_shared_store, read_run
    from ovenbird.settings import Settings

    environ = {"OVENBIRD_HOME": str(folder / ".ovenbird")}
    store = open_shared_store(Settings(), environ)
    (summary,) = store.list_summaries("run")
    return read_run(store, summary.key, environ)
