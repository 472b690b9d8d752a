"""Temporary folders of a build: removed at its end, and after a kill by the next build."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ovenbird_builder.host.process_id import format_process_id
from ovenbird_builder.host.tempdirs import make_build_folder


def test_a_folder_is_always_removed_at_the_end(tmp_path: Path) -> None:
    """Also after an error."""

    def failing() -> None:
        with make_build_folder(tmp_path) as folder:
            (folder / "x").write_text("x")
            raise KeyError

    with pytest.raises(KeyError):
        failing()
    assert list((tmp_path / "tmp").iterdir()) == []


def test_only_folders_of_killed_builds_are_removed(tmp_path: Path) -> None:
    """A builder that lives keeps its own; a number that another process has now does not deceive."""
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    alive = f"build-{format_process_id()}-a"
    for name in (f"build-{child.pid}-1-a", f"build-{os.getpid()}-1-a", alive, "other"):
        (tmp_path / "tmp" / name).mkdir(parents=True)
    with make_build_folder(tmp_path) as folder:
        assert {path.name for path in (tmp_path / "tmp").iterdir()} == {alive, "other", folder.name}
