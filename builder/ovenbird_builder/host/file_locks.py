"""Files that processes hold locked while they do what others must not do at the same time, and their removal."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Hold a lock by the file `path`, which is made where it is missing; wait for it. Errors: OSError.

    A file that was removed while it was waited for locks out nobody any more, so the next one is taken.
    """
    while True:
        with path.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is_at(file.fileno(), path):
                yield
                return


def remove_free_locks(folder: Path, keep: str) -> None:
    """Remove the lock files in a folder that nobody holds, but for the one called `keep`."""
    for path in folder.iterdir():
        if path.name == keep:
            continue
        with contextlib.suppress(OSError), path.open("a") as file:  # held, or a folder
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(file.fileno(), path):
                path.unlink()


def _is_at(number: int, path: Path) -> bool:
    """Return whether an open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(number), path.stat())
    except FileNotFoundError:
        return False
