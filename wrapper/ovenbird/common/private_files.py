"""Folders and files that only their owner may read: records, logs and caches may hold private data."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path

_GROUP_AND_OTHERS = 0o077


def make_private_folder(path: Path) -> bool:
    """Create the folder with mode 0700, and its parents as usual. Return whether it was created. Errors: OSError.

    An existing folder stays as it is: see `close_to_others`.
    """
    try:
        try:
            path.mkdir(mode=0o700)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir(mode=0o700)
    except FileExistsError:
        if not path.is_dir():
            raise
        return False
    return True


def make_private_file(path: Path) -> None:
    """Make an empty file with mode 0600 unless it exists, so that the next writer keeps the mode. Errors: OSError."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))


def close_to_others(paths: Iterable[Path]) -> None:
    """Remove the permissions of group and others from those of these files and folders that we own.

    A link is not followed. A folder with a sticky bit (/tmp) belongs to all, and stays open.
    """
    for path in paths:
        with contextlib.suppress(OSError):  # it is gone, or on a file system without modes
            status = path.lstat()
            if status.st_uid != os.geteuid() or not status.st_mode & _GROUP_AND_OTHERS or status.st_mode & stat.S_ISVTX:
                continue
            if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
                path.chmod(stat.S_IMODE(status.st_mode) & ~_GROUP_AND_OTHERS)
