"""Check a file for output before the work begins: a failure at its end would lose the result."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from .atomic_files import NOT_REPLACED, is_open_stream, is_replaceable
from .named_paths import exists, is_file, is_folder, is_name
from .text import show_value

# names of files that a function is made of; outputs of earlier calls have others
_SOURCES = frozenset(
    "function.yaml function.yml pyproject.toml setup.py setup.cfg Pipfile Pipfile.lock poetry.lock uv.lock pdm.lock"
    " Dockerfile Makefile .gitignore .dockerignore .ovenbirdignore".split()
)
_SOURCE_ENDINGS = (".py", ".pyi", ".pyx", ".ipynb")
# requirements-dev.txt, constraints.txt, pylock.dev.toml, function.linux-arm64.lock
_SOURCE_STARTS = (("requirements", ".txt"), ("requirements", ".in"), ("constraints", ".txt"), ("pylock", ".toml"),
                  ("function.", ".lock"))  # fmt: skip


def find_output_problem(path: Path, inputs: Iterable[Path] = ()) -> str:
    """Return why a file should not or cannot be written, in words; empty where it can. `inputs` are never replaced.

    A missing folder is no problem: see `make_parent_folders`. Nothing is changed on the disk.
    """
    if is_open_stream(path):
        return ""
    if not is_name(path):
        return f"{show_value(str(path))} is no name that a file can have: it is too long, or holds a NUL character"
    if is_folder(path):
        return f"{show_value(str(path))} is a folder"
    if is_source_file(path, inputs):
        return f"{show_value(str(path))} is a file that the function is made of, and is not replaced"
    return find_write_problem(path)


def is_source_file(path: Path, inputs: Iterable[Path] = ()) -> bool:
    """Return whether a path is a file with content that a function is made of, by its name, or one of `inputs`."""
    if not is_file(path) or not path.stat().st_size:
        return False
    for other in inputs:
        with contextlib.suppress(OSError, ValueError):
            if path.samefile(other):
                return True
    name = path.resolve().name
    return (
        name in _SOURCES
        or name.endswith(_SOURCE_ENDINGS)
        or any(name.startswith(start) and name.endswith(end) for start, end in _SOURCE_STARTS)
    )


def find_folder_problem(path: Path) -> str:
    """Return why no files can be written to a folder, in words; empty where they can. A missing one is no problem."""
    if not is_name(path):
        return f"{show_value(str(path))} is no name that a folder can have: it is too long, or holds a NUL character"
    if exists(path) and not is_folder(path):
        return f"{show_value(str(path))} is no folder"
    try:
        _try_folder(Path(os.path.realpath(path)))
    except OSError as error:
        return _describe_failure(path, error)
    return ""


def find_write_problem(path: Path) -> str:
    """Return why nothing can be written to a path, in words; empty where it can."""
    target = path
    try:
        if exists(path) and not is_replaceable(path):  # a device, a pipe or a link is written to directly
            return "" if os.access(path, os.W_OK) else f"cannot write {show_value(str(path))}: Permission denied"
        target = Path(os.path.realpath(path))
        _try_folder(target.parent)
    except OSError as error:
        if error.errno in NOT_REPLACED and is_file(target) and os.access(target, os.W_OK):
            return ""  # a mounted file, or one in another user's folder: its content can be overwritten
        return _describe_failure(path, error)
    return ""


def make_parent_folders(path: Path) -> None:
    """Make the folders above a path that is about to be written, as `mkdir -p` does. Errors: OSError.

    Call it only when the file is written: an empty folder in a source would be packed.
    """
    if not is_open_stream(path) and not os.path.lexists(path):
        path.absolute().parent.mkdir(parents=True, exist_ok=True)


def _describe_failure(path: Path, error: OSError) -> str:
    parent = next((folder for folder in path.parents if os.path.lexists(folder)), path.parent)
    if not parent.is_dir():
        return f"cannot write {show_value(str(path))}: {show_value(str(parent))} is no folder"
    return f"cannot write {show_value(str(path))}: {error.strerror or error}"


def _try_folder(folder: Path) -> None:
    """Make a file without a name in a folder, or in the nearest one above it that is there. Errors: OSError."""
    while not os.path.lexists(folder):
        folder = folder.parent
    try:  # only an attempt shows the rights of root and a quota
        os.close(os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o600))
    except (AttributeError, OSError):  # other systems than Linux, and some file systems, have no files without a name
        import tempfile

        with tempfile.TemporaryFile(dir=folder):
            pass
