"""The fixtures, in a pytest of its own, as a user has it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
TESTS = """
import pytest, sys
AT_START = sorted(name for name in sys.modules if name.startswith("ovenbird"))
import main

def test_the_start_is_light():
    assert AT_START == ["ovenbird", "ovenbird.testing", "ovenbird.testing.pytest_plugin"]

def test_call(ovenbird_call):
    assert [ovenbird_call(main.handler, json={"n": n}).json() for n in (1, 2)] == [1, 2]
    assert main.life == ["init"]

def test_it_was_closed():
    assert main.life == ["init", "close"]

def test_service(ovenbird_service):
    service = ovenbird_service("main.py", timeout=0.2)
    assert service.call(json={"n": "x"}).status == 422

def test_run(ovenbird_run):
    assert ovenbird_run(main.handler, {"n": 3}).results == {"output_0": 3}

async def test_async():
    from ovenbird import testing
    assert (await testing.acall(main.handler, json={"n": 1})).json() == 1

test_async = pytest.mark.anyio(test_async)

@pytest.fixture
def anyio_backend():
    return "asyncio"
"""
MAIN = """
life = []
def init(): life.append("init")
def close(): life.append("close")
def handler(n: int): return n
"""


def run_pytest(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder, with warnings as errors."""
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *words]
    env = {name: value for name, value in os.environ.items() if not name.startswith("OVENBIRD_")}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a function and its tests."""
    (tmp_path / "main.py").write_text(MAIN)
    (tmp_path / "test_main.py").write_text(TESTS)
    (tmp_path / "conftest.py").write_text("")
    return tmp_path


def test_the_fixtures(folder: Path) -> None:
    """They work, leave nothing behind, and load nothing before a test asks for them."""
    process = run_pytest(folder)
    assert process.returncode == 0, process.stdout + process.stderr
    assert "6 passed" in process.stdout
    assert sorted(path.name for path in folder.iterdir() if path.suffix != ".pyc" and path.name != "__pycache__") == [
        "conftest.py", "main.py", "test_main.py",
    ]  # fmt: skip


def test_they_can_be_left_out(folder: Path) -> None:
    """`-p no:ovenbird`, as for any plugin; the functions of the module remain."""
    process = run_pytest(folder, "-p", "no:ovenbird", "-k", "test_call or test_async")
    assert process.returncode == 1
    assert "fixture 'ovenbird_call' not found" in process.stdout
    assert "1 passed, 4 deselected, 1 error" in process.stdout
