"""How several processes share the tests where one of them ends, or hangs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_TESTS = """
import os, time, pytest

def test_before(): pass

@pytest.mark.timeout(1)
def test_with_a_fault():
    {fault}

def test_after(): pass
"""
_HANG = """while True:
        try:
            time.sleep(60)
        except BaseException:
            pass
"""


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["os.kill(os.getpid(), 9)", _HANG], ids=["is killed", "hangs"])
def test_a_process_that_does_not_end_as_it_should(tmp_path: Path, fault: str) -> None:
    """The test that it runs has failed, once; all others are run, and the run comes to its end."""
    for number in range(4):
        (tmp_path / f"test_{number}.py").write_text("def test_a(): pass\ndef test_b(): pass\n")
    (tmp_path / "test_5.py").write_text(_TESTS.format(fault=fault))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-n2",
        "-p",
        "tests.parallel",
        "--rootdir=.",
        "-o",
        "timeout=30",
        str(tmp_path),
    ]
    ran = subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100,
        check=False,
    )  # fmt: skip
    assert "1 failed, 10 passed" in ran.stdout, ran.stdout + ran.stderr
    assert len(re.findall("crashed while running '.*::test_with_a_fault'", ran.stdout)) == 1
