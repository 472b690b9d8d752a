"""`ovenbird check --imports`: the whole report, and modules that fail at import."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests import starts


def _check(folder: Path, source: str, *flags: str) -> subprocess.CompletedProcess[Any]:
    (folder / "main.py").write_text(source)
    return starts.run("check", "main.py", "--imports", *flags, cwd=folder, fresh=True)


@pytest.mark.slow
def test_times_and_unused_packages_are_reported(tmp_path: Path) -> None:
    """As JSON beside the contract: PyYAML was imported, httpx was not and would take others along."""
    (tmp_path / "requirements.txt").write_text("pyyaml\nhttpx\n")
    process = _check(tmp_path, "import yaml\nprint('at import')\ndef handler(): ...\n", "--json")
    assert (process.returncode, process.stderr) == (0, "at import\n")
    description = json.loads(process.stdout)
    report = description["imports"]
    assert description["target"] == "main:handler"
    assert [entry["name"] for entry in report["distributions"]] == ["pyyaml"]
    parts = [report["function"], report["standard_library"], report["distributions"][0]["seconds"]]
    assert 0 < sum(parts) <= report["seconds"] + 0.001
    assert report["wanted"] == str(tmp_path / "requirements.txt")
    unused = {entry["name"]: entry for entry in report["never_imported"]}
    assert "pyyaml" not in unused
    assert unused["httpx"]["direct"]
    assert "httpcore" in unused["httpx"]["brings"]
    assert unused["httpx"]["bytes"] > 100_000


@pytest.mark.slow
def test_the_report_is_a_table_for_people(tmp_path: Path) -> None:
    """It follows the contract, and says that it is a hint; a lock that cannot be read is a warning."""
    (tmp_path / "requirements.txt").write_text("httpx\n")
    out = _check(tmp_path, "import yaml\ndef handler(): ...\n").stdout
    assert out.startswith("target        main:handler\n")
    assert "\ndistribution  version" in out
    assert "\npyyaml        " in out
    assert "\nhttpx      " in out
    assert "A hint only" in out
    (tmp_path / "function.lock").write_bytes(b"\xff\xfe")
    process = _check(tmp_path, "def handler(): ...\n")
    assert process.returncode == 0
    assert "the lock beside the function cannot be read" in process.stderr
    assert "never imported: not known" in process.stdout


@pytest.mark.parametrize(("source", "status", "words"), [
    ("import nothing_here", 72, "No module named 'nothing_here'"),
    ("raise SystemExit(3)", 72, "SystemExit: 3"),
    ("import os; os._exit(9)", 9, ""),
    ("import os, signal; os.kill(os.getpid(), signal.SIGINT)", 130, ""),
], ids=["missing", "exit", "hard exit", "interrupted"])  # fmt: skip
def test_a_failing_import_ends_as_without_the_report(tmp_path: Path, source: str, status: int, words: str) -> None:
    """The same status and message, and nothing on stdout."""
    process = _check(tmp_path, source)
    plain = starts.run("check", "main.py", cwd=tmp_path, fresh=True)
    assert (process.returncode, process.stdout) == (plain.returncode, "")
    assert process.returncode == status
    assert words in process.stderr
