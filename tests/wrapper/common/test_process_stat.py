from __future__ import annotations

import os
import subprocess
import sys
import time

from ovenbird.common.process_stat import find_start_ticks, read_process_stat


def test_a_process_differs_from_a_later_process() -> None:
    """The start of this process is what the kernel says, and that of a child is no earlier."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        own, theirs = find_start_ticks(os.getpid()), find_start_ticks(child.pid)
        assert own is not None
        assert theirs is not None
        assert own <= theirs
        assert find_start_ticks(os.getpid()) == own
    finally:
        child.communicate(b"\n")


def test_a_dead_process_is_gone_before_it_is_reaped() -> None:
    """A zombie has a number and a start, and does nothing any more."""
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    end = time.monotonic() + 30
    while find_start_ticks(child.pid) is not None and time.monotonic() < end:
        time.sleep(0.01)
    assert find_start_ticks(child.pid) is None
    assert read_process_stat(child.pid)[0] == "Z"
    child.wait()
    assert read_process_stat(child.pid) == []


def test_a_name_with_parentheses_and_blanks() -> None:
    """A program may call itself anything: what follows the last parenthesis counts."""
    code = (
        "import ctypes, sys; ctypes.CDLL(None).prctl(15, b') Z 1 (', 0, 0, 0); print(1, flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout
    child.stdout.readline()
    try:
        assert read_process_stat(child.pid)[0] in "RSD"
        assert find_start_ticks(child.pid) is not None
    finally:
        child.communicate()
