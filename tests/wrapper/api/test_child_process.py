"""A child process: its text in any encoding, its end when it cannot be started, a container's second Ctrl-C."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.service import wait_until

from ovenbird.api.child_process import ChildProcess, CommandProcess
from ovenbird.api.container import wait_for_container

pytestmark = pytest.mark.slow
SLEEPER = """
import os, pathlib, time
pathlib.Path("begun").write_text(str(os.getpid()))
time.sleep(600)
"""
STUBBORN = """
import pathlib, signal, time
signal.signal(signal.SIGINT, lambda *_: pathlib.Path("asked").touch())
pathlib.Path("begun").touch()
while True:
    time.sleep(600)
"""


def count_descriptors() -> int:
    """Return how many descriptors this process has."""
    return len(list(Path("/proc/self/fd").iterdir()))


def press_when(*conditions: Callable[[], bool]) -> threading.Thread:
    """Press Ctrl-C as soon as each condition holds, in this order; return the thread that does it."""

    def press() -> None:
        for condition in conditions:
            wait_until(condition, lambda: "it has not begun")
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    return thread


def test_text_that_a_stream_cannot_encode(monkeypatch: pytest.MonkeyPatch) -> None:
    """A character that our stream does not have is shown as an escape, and the text around it as it is."""
    content = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(content, "ascii"))
    process = CommandProcess([sys.executable, "-c", r"print('caf\u00e9 \u2713 ok')"], {"PYTHONIOENCODING": "utf-8"})
    process.show_output(process.has_ended)
    process.wait()
    process.release()
    assert content.getvalue() == b"caf\\xe9 \\u2713 ok\n"


def test_a_start_that_is_interrupted_leaves_nothing(folder: Path) -> None:
    """Ctrl-C while the child is sent its request ends the child, and closes the pipes."""
    (folder / "sleepers").mkdir()
    (folder / "sleepers" / "sleeper.py").write_text(SLEEPER)
    before = count_descriptors()
    thread = press_when((folder / "begun").exists)
    with pytest.raises(KeyboardInterrupt):
        ChildProcess(b"x" * 1_000_000, {**os.environ, "PYTHONPATH": str(folder)}, None, "sleepers.sleeper")
    thread.join()
    assert count_descriptors() == before
    assert not Path("/proc", (folder / "begun").read_text()).exists()


def test_a_second_ctrl_c_kills_a_container(folder: Path) -> None:
    """The first one asks it to stop; the second one ends the wait for it."""
    process = CommandProcess([sys.executable, "-c", STUBBORN], os.environ)
    thread = press_when((folder / "begun").exists, (folder / "asked").exists)
    assert wait_for_container(process)
    thread.join()
    assert "was killed by SIGKILL" in process.describe_end()
