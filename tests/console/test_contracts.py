"""Contracts, from processes that import the user's code."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.service import wait_until

from ovenbird.errors import LoadError
from ovenbird_console.contracts import Contracts

pytestmark = pytest.mark.slow


def test_an_error_is_gone_with_its_cause(tmp_path: Path) -> None:
    """An import that failed for a reason outside of the source is tried again."""
    (tmp_path / "late.py").write_text("open('data.txt').close()\ndef handler(n: int): ...\n")
    contracts = Contracts(tmp_path, os.environ)
    assert "data.txt" in contracts.read("late.py")["error"]["message"]
    (tmp_path / "data.txt").touch()
    contract = contracts.read("late.py")
    assert [argument["name"] for argument in contract["arguments"]] == ["n"]
    assert contracts.read("late.py") is contract


def test_an_import_without_end_is_ended_with_its_children(tmp_path: Path) -> None:
    """Nothing of it is left behind."""
    (tmp_path / "stuck.py").write_text(
        "import os, subprocess\nchild = subprocess.Popen(['sleep', '600'])\n"
        "open('draft', 'w').write(str(child.pid))\nos.rename('draft', 'child')\nchild.wait()\n"
    )
    with pytest.raises(LoadError, match="was not imported within 10 s"):
        Contracts(tmp_path, os.environ, limit=10).read("stuck.py")
    number = int((tmp_path / "child").read_text())
    wait_until(lambda: not _is_alive(number), lambda: f"{number} is alive")


def test_a_child_that_holds_the_streams_blocks_nothing(tmp_path: Path) -> None:
    """The contract is there when the import is, whoever still has its streams."""
    (tmp_path / "leaves.py").write_text(
        "import subprocess\nchild = subprocess.Popen(['sleep', '600'])\n"
        "open('child', 'w').write(str(child.pid))\ndef handler(n: int): ...\n"
    )
    contract = Contracts(tmp_path, os.environ).read("leaves.py")
    number = int((tmp_path / "child").read_text())
    assert (_is_alive(number), len(contract["arguments"])) == (True, 1)
    os.kill(number, 9)


def _is_alive(number: int) -> bool:
    """Return whether a process runs; one that nobody has waited for does not."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
