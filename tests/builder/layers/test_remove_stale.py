"""The script that removes bytecode of changed sources, run by this Python as an image's runs it."""

from __future__ import annotations

import os
import py_compile
import subprocess
import sys
from pathlib import Path

import pytest

from ovenbird_builder.layers import _remove_stale as script

MODES = py_compile.PycInvalidationMode


def make_module(
    folder: Path, mode: MODES = MODES.UNCHECKED_HASH, name: str = "m.py", optimize: int = 0
) -> tuple[Path, Path]:
    """Return a module of one line and its bytecode."""
    source = folder / name
    source.write_text("x = 1\n")
    os.utime(source, (1000, 1000))
    bytecode = py_compile.compile(str(source), invalidation_mode=mode, optimize=optimize)
    assert bytecode
    return source, Path(bytecode)


def run(folder: Path, *sources: Path) -> int:
    """Run the script on sources; the number that it prints."""
    listing = folder / "listing"
    listing.write_bytes(b"".join(os.fsencode(path) + b"\0" for path in sources))
    argv = [sys.executable, "-I", "-S", "-B", "-c", Path(script.__file__).read_text(), str(listing)]
    return int(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("mode", [MODES.UNCHECKED_HASH, MODES.TIMESTAMP], ids=["unchecked", "time"])
@pytest.mark.parametrize("optimize", [0, 1, 2])
def test_bytecode_of_a_changed_source_is_removed(tmp_path: Path, mode: MODES, optimize: int) -> None:
    """Also that of the other levels of optimisation; a source of the same size and another time is a changed one."""
    source, bytecode = make_module(tmp_path, mode, optimize=optimize)
    source.write_text("x = 2\n")
    assert run(tmp_path, source) == 1
    assert not bytecode.exists()


@pytest.mark.parametrize("mode", list(MODES), ids=[mode.name for mode in MODES])
def test_bytecode_of_a_source_that_is_the_same_stays(tmp_path: Path, mode: MODES) -> None:
    """As after a change of owner or mode, which brings the file into an instruction's layer too."""
    source, bytecode = make_module(tmp_path, mode)
    source.chmod(0o600)
    assert run(tmp_path, source) == 0
    assert bytecode.exists()


def test_bytecode_that_python_checks_by_hash_stays(tmp_path: Path) -> None:
    """It is never run for another source."""
    source, bytecode = make_module(tmp_path, MODES.CHECKED_HASH)
    source.write_text("x = 2\n")
    assert run(tmp_path, source) == 0
    assert bytecode.exists()


def test_bytecode_of_a_deleted_source_is_removed(tmp_path: Path) -> None:
    """A later layer may bring a file of that name again."""
    source, bytecode = make_module(tmp_path, MODES.CHECKED_HASH)
    source.unlink()
    assert run(tmp_path, source) == 1
    assert not bytecode.exists()


def test_a_source_that_became_a_link_is_compared_by_its_target(tmp_path: Path) -> None:
    """Python compiles it by the name of the link."""
    source, bytecode = make_module(tmp_path)
    other = tmp_path / "other.py"
    other.write_text("x = 1\n")
    source.unlink()
    source.symlink_to(other)
    assert run(tmp_path, source) == 0
    other.write_text("x = 3\n")
    assert run(tmp_path, source) == 1
    assert not bytecode.exists()


def test_neighbours_are_left_alone(tmp_path: Path) -> None:
    """Modules whose names begin alike, files that are no bytecode, and folders without any."""
    source, _ = make_module(tmp_path)
    _, longer = make_module(tmp_path, name="m2.py")
    note = longer.parent / "m.txt"
    note.write_text("")
    (tmp_path / "new").mkdir()
    new = tmp_path / "new" / "n.py"
    new.write_text("")
    source.write_text("x = 2\n")
    assert run(tmp_path, source, new, tmp_path / "gone" / "g.py") == 1
    assert longer.exists()
    assert note.exists()
