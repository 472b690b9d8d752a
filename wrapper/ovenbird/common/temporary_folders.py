"""Temporary folders of a process, removed when it ends."""

from __future__ import annotations

import atexit
import os
from pathlib import Path

_PLACES = (None, "/tmp", "/var/tmp", "/dev/shm")  # noqa: S108  # each new, with a random name, mode 0700
_roots: list[Path] = []  # of this process; the last one is in use


def make_temporary_folder() -> Path:
    """Return a new folder that is removed when this process ends, by itself and by no process that it has forked.

    If user code has removed the usual folder, another one is used. Errors: OSError.
    """
    import tempfile  # most processes need no such folder

    if not _roots or not _roots[-1].is_dir():
        _roots.append(_make_root())
        atexit.register(_remove, _roots[-1], os.getpid())
    return Path(tempfile.mkdtemp(dir=_roots[-1]))


def forget_temporary_folders() -> None:
    """Have this process, a new child, make folders of its own: its parent removes those that it has."""
    _roots.clear()


def remove_temporary_folders() -> None:
    """Remove the folders of this process, for one that ends without its exit functions."""
    while _roots:
        _remove(_roots.pop(), os.getpid())


def _make_root() -> Path:
    import tempfile

    for folder in _PLACES:
        try:
            return Path(tempfile.mkdtemp(prefix="ovenbird-", dir=folder))
        except OSError as error:
            problem = error
    raise problem


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # a forked worker ends before its parent, which still needs what lies there
        import shutil

        shutil.rmtree(folder, ignore_errors=True)
