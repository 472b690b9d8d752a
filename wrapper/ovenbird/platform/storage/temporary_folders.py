"""Temporary folders that are removed when the process ends."""

from __future__ import annotations

from pathlib import Path

_scratch: list[Path] = []


def _temporary_folder() -> Path:
    """Return a new folder where there is a place for one: the function may have removed the usual one."""
    import tempfile

    for place in (None, "/tmp", "/var/tmp", "/dev/shm"):  # noqa: S108  # each new, with a random name, mode 0700
        try:
            return Path(tempfile.mkdtemp(prefix="ovenbird-", dir=place))
        except OSError as error:
            problem = error
    raise problem


def scratch() -> Path:
    """A new temporary folder, removed when the process ends."""
    import atexit
    import os
    import shutil
    import tempfile

    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:  # a forked worker ends before its parent, which still needs what lies there
            for folder in _scratch:
                shutil.rmtree(folder, ignore_errors=True)

    if not _scratch or not _scratch[-1].is_dir():
        _scratch.append(_temporary_folder())
        atexit.register(remove)
    return Path(tempfile.mkdtemp(dir=_scratch[-1]))
