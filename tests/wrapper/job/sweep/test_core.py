"""Sweeps and reuse with DigitalHub Core as the store."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.core.server import Double
from tests.jobs import Jobs

pytestmark = pytest.mark.slow
SOURCE = """
import os, signal

def handler(n: int):
    print("printed by", n)
    if n == 2:
        raise ValueError("two")
    if n == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return n
"""


def run_lines(jobs: Jobs, platform: dict[str, str], *flags: str) -> tuple[int, dict[int, dict[str, Any]], str]:
    """Run a sweep; return its exit status, the objects on stdout by line, and stderr."""
    words = ("run", jobs.write(SOURCE).name, "--project", "p", *flags)
    process = jobs.start_ovenbird(*words, **platform)
    out, err = process.communicate(timeout=60)
    return process.returncode, {row["line"]: row for row in map(json.loads, out.splitlines())}, err


def test_lines_are_runs_of_the_platform(core: Double, jobs: Jobs, platform: dict[str, str]) -> None:
    """Core has a run for each line, of one function; what a line prints is shown, as Core keeps no logs."""
    code, rows, err = run_lines(jobs, platform, "--grid", "n=1,2,3,4", "--parallel", "2")
    assert code == 137, err
    assert [rows[number]["state"] for number in range(1, 5)] == ["COMPLETED", "ERROR", "ERROR", "COMPLETED"]
    assert [rows[number]["status"] for number in range(1, 5)] == [0, 74, 137, 0]
    runs = core.entities.all("p", "run")
    assert len({run["spec"]["function"] for run in runs}) == 1
    states = {run["id"]: run["status"]["state"] for run in runs}
    assert {states[row["id"]] for number, row in rows.items() if number in (1, 4)} == {"COMPLETED"}
    assert {states[row["id"]] for number, row in rows.items() if number in (2, 3)} == {"ERROR"}
    assert "[1] printed by 1" in err
    assert "[4] printed by 4" in err


def test_reuse_on_the_platform(core: Double, jobs: Jobs, platform: dict[str, str]) -> None:
    """An earlier run of Core answers, and Core keeps which one."""
    code, rows, err = run_lines(jobs, platform, "--grid", "n=1")
    assert code == 0, err
    code, again, err = run_lines(jobs, platform, "--grid", "n=1,4", "--reuse")
    assert code == 0, err
    assert again[1]["reused_from"] == rows[1]["key"]
    assert "reused_from" not in again[2]
    run = next(run for run in core.entities.all("p", "run") if run["id"] == again[1]["id"])
    assert run["status"]["reused_from"] == rows[1]["key"]
