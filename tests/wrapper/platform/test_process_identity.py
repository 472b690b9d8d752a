from __future__ import annotations

import os
import signal
import subprocess
import sys

from ovenbird.common.process_stat import find_start_ticks
from ovenbird.platform import process_identity


def test_this_process_lives() -> None:
    assert process_identity.is_alive(process_identity.read_own_identity()) is True


def test_a_killed_process_is_dead_even_before_it_is_reaped() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; print(1, flush=True); time.sleep(60)"], stdout=-1)
    assert child.stdout is not None
    child.stdout.readline()
    owner = process_identity.read_own_identity()._replace(pid=child.pid, start=find_start_ticks(child.pid) or 0)
    assert process_identity.is_alive(owner) is True
    os.kill(child.pid, signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and still a zombie
    assert process_identity.is_alive(owner) is False
    child.wait()
    child.stdout.close()
    assert process_identity.is_alive(owner) is False


def test_a_number_that_is_used_again_is_another_process() -> None:
    assert process_identity.is_alive(process_identity.read_own_identity()._replace(start=1)) is False


def test_a_process_of_an_earlier_boot_is_dead() -> None:
    assert process_identity.is_alive(process_identity.read_own_identity()._replace(boot="earlier")) is False


def test_a_process_of_another_container_cannot_be_judged_by_its_number() -> None:
    assert process_identity.is_alive(process_identity.read_own_identity()._replace(namespace="pid:[1]")) is None
