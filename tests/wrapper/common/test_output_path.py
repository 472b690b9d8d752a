"""Files that flags name for output, looked at before the work begins."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ovenbird.common.output_path import find_output_problem, find_write_problem, is_source_file, make_parent_folders


def test_missing_folders_are_created(tmp_path: Path) -> None:
    """Folders are created when the file is written, like `mkdir -p`, and not when a source is packed before."""
    assert find_output_problem(tmp_path / "a" / "b" / "r.json") == ""
    assert not (tmp_path / "a").exists()
    make_parent_folders(tmp_path / "a" / "b" / "r.json")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_unwritable_paths_are_reported(tmp_path: Path) -> None:
    """A folder, a path below a file, a read-only file system and an invalid name are refused."""
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for name, why in (
        ("folder", "'{}/folder' is a folder"),
        ("file/r.json", "cannot write '{0}/file/r.json': '{0}/file' is no folder"),
        ("file/a/r.json", "cannot write '{0}/file/a/r.json': '{0}/file' is no folder"),
    ):
        assert find_output_problem(tmp_path / name) == why.format(tmp_path)
    for path in (Path("a\0b"), tmp_path / ("x" * 300)):
        assert "is no name that a file can have" in find_output_problem(path)


def test_a_folder_that_takes_no_file(tmp_path: Path) -> None:
    """Whatever its mode says: root may write everywhere but here."""
    assert find_output_problem(Path("/proc/r.json")).startswith("cannot write '/proc/r.json': ")
    assert find_output_problem(Path("/proc/none/r.json")).startswith("cannot write '/proc/none/r.json': ")


def test_paths_are_checked_on_systems_without_unnamed_files(tmp_path: Path) -> None:
    """Only Linux has O_TMPFILE: elsewhere `tempfile` makes a file, which is gone afterwards."""
    source = """
import os, sys
from pathlib import Path
del os.O_TMPFILE
from ovenbird.common.output_path import find_folder_problem, find_write_problem
folder = Path(sys.argv[1])
print([find_write_problem(folder / "r.json"), *map(find_folder_problem, (folder / "new", Path("/proc/new")))])
"""
    process = subprocess.run([sys.executable, "-c", source, tmp_path], capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    assert process.stdout.startswith("['', '', \"cannot write '/proc/new': ")
    assert list(tmp_path.iterdir()) == []


def test_devices_pipes_links_and_streams_are_written_into(tmp_path: Path) -> None:
    """Nothing is tried in their folders."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("target")
    for path in (Path("/dev/null"), Path("/dev/stdout"), Path("/dev/fd/1"), tmp_path / "pipe", tmp_path / "link"):
        assert find_output_problem(path) == ""
    (tmp_path / "nowhere").symlink_to("/proc/none/x")
    assert find_output_problem(tmp_path / "nowhere").startswith("cannot write")


@pytest.mark.parametrize(
    "name",
    ["main.py", "types.pyi", "notes.ipynb", "function.yaml", "requirements.txt", "requirements-dev.txt", "uv.lock",
     "requirements.in", "constraints.txt", "pyproject.toml", "pylock.toml", "pylock.dev.toml", "function.lock",
     "function.linux-arm64.lock", "Pipfile", ".ovenbirdignore"],
)  # fmt: skip
def test_a_source_is_not_replaced(tmp_path: Path, name: str) -> None:
    """A file with content that a function is made of; neither by its own name nor through a link."""
    path = tmp_path / name
    assert find_output_problem(path) == ""
    path.touch()
    assert find_output_problem(path) == ""  # nothing is lost
    path.write_text("content\n")
    (tmp_path / "result.json").symlink_to(name)
    for candidate in (path, tmp_path / "result.json"):
        assert find_output_problem(candidate).endswith("is a file that the function is made of, and is not replaced")
    assert find_write_problem(path) == ""


def test_what_a_call_reads_is_not_replaced(tmp_path: Path) -> None:
    """Whatever it is called; what earlier calls have written is."""
    for name in ("result.json", "image.env", "bundle.tar", "deployment.yaml", "requirements.json"):
        (tmp_path / name).write_text("content")
        assert not is_source_file(tmp_path / name, [tmp_path / "other", Path("a\0b")])
        assert is_source_file(tmp_path / name, [tmp_path / "none", tmp_path / "." / name])
