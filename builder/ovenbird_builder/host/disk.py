"""A disk that is full, read-only or not ours, as an error that says what could not be written."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from ovenbird.common.text import show_value

from ..errors import DiskFullError

_FULL = (errno.ENOSPC, errno.EDQUOT)
# what a disk, a quota, a mount or the owner of a folder refuses; anything else is a fault of ours
_REFUSED = (
    *_FULL, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.EIO, errno.ENOENT, errno.ENOTDIR, errno.EEXIST,
    errno.ELOOP, errno.ENAMETOOLONG, errno.EISDIR,
)  # fmt: skip


def is_disk_full(error: OSError) -> bool:
    """Return whether no room is left, on the disk or in the user's quota."""
    return error.errno in _FULL


@contextlib.contextmanager
def guard_cache_writes(path: Path) -> Iterator[None]:
    """Turn a cache that is full or may not be written into an error that names `path`. Errors: DiskFullError."""
    try:
        yield
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        subject = f"cannot write to the cache {show_value(str(path))}: {error.strerror}"
        raise DiskFullError(f"{subject}{_locate(error, path)}", hint=_suggest_remedy(error)) from error


def _locate(error: OSError, path: Path) -> str:
    """Return which folder refuses, where that is another one than the cache, which it has kept from being made."""
    if is_disk_full(error):
        return ""
    folder = next((existing for existing in (path, *path.parents) if os.path.lexists(existing)), path)
    return "" if folder == path else f" in {show_value(str(folder))}"


def _suggest_remedy(error: OSError) -> str:
    if is_disk_full(error):
        return "free some space, `ovenbird cache prune`, or another folder by `--cache-dir` (`OVENBIRD_CACHE_DIR`)"
    return "`--cache-dir DIR` (`OVENBIRD_CACHE_DIR`) names a folder that this user may write to"


@contextlib.contextmanager
def guard_output_writes(path: Path, flag: str = "") -> Iterator[None]:
    """Turn what keeps a file or folder that somebody named from being written into an error. Errors: DiskFullError.

    `flag` is what named it.
    """
    subject = f"{flag + ': ' if flag else ''}cannot write {show_value(str(path))}"
    if "\0" in str(path):  # for which the system's calls raise a ValueError
        raise DiskFullError(f"{subject}: a path must not contain a NUL character")
    try:
        yield
    except OSError as error:
        raise DiskFullError(f"{subject}: {error.strerror or error}") from None
