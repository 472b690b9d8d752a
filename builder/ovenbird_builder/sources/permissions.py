"""Say who may read a file, for an error of one that this process may not."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def describe_permissions(path: Path) -> str:
    """Return the mode and owner of a path, or of the folder above it that hides it, and who asks."""
    user = f"this is user {os.geteuid()}"
    for candidate in (path, *path.parents):
        try:
            status = candidate.lstat()
        except OSError:  # a folder above it may not be entered
            continue
        prefix = "" if candidate == path else f"{candidate} has "
        return f"{prefix}mode {stat.filemode(status.st_mode)}, owner {status.st_uid}:{status.st_gid}; {user}"
    return user
