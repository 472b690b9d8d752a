from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ovenbird.common import temporary_folders
from ovenbird.common.temporary_folders import make_temporary_folder

_FORKING = """
import os, sys
from ovenbird.common.temporary_folders import make_temporary_folder as make
folder = make()
if not os.fork():
    sys.exit()
os.wait()
print(folder, folder.is_dir())
"""


def test_a_temporary_folder_outlives_a_forked_worker() -> None:
    """The folder is removed when its own process ends, and not when a child process does."""
    process = subprocess.run([sys.executable, "-c", _FORKING], check=True, capture_output=True, text=True)
    folder, exists = process.stdout.split()
    assert (exists, Path(folder).exists()) == ("True", False)


def test_each_folder_is_new_and_private() -> None:
    """Two calls have two folders, which only their owner may enter."""
    first, second = make_temporary_folder(), make_temporary_folder()
    assert first != second
    assert [list(folder.iterdir()) for folder in (first, second)] == [[], []]
    assert stat.S_IMODE(first.stat().st_mode) == 0o700


def test_a_folder_that_user_code_has_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one is made anew; where its usual place is gone too, elsewhere."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    monkeypatch.setattr(temporary_folders, "_roots", [tmp_path / "removed"])
    folder = make_temporary_folder()
    try:
        assert folder.is_dir()
        assert os.access(folder, os.W_OK)
    finally:
        shutil.rmtree(folder.parent)
