"""Check paths that a person has typed. A path that no file system can hold is missing; nothing is raised.

`pathlib` raises for a name that is too long, and some of its methods for a NUL.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from .text import show_value


def is_file(path: str | Path) -> bool:
    """Return whether there is a file of that name."""
    return os.path.isfile(path)  # noqa: PTH113  # see above


def is_folder(path: str | Path) -> bool:
    """Return whether there is a folder of that name."""
    return os.path.isdir(path)  # noqa: PTH112  # see above


def exists(path: str | Path) -> bool:
    """Return whether anything with that name exists."""
    try:
        return os.path.exists(path)  # noqa: PTH110  # see above
    except ValueError:  # a NUL, in Python 3.10 to 3.11
        return False


def is_name(path: str | Path) -> bool:
    """Return whether a file system could hold a path of that name."""
    try:
        os.lstat(path)
    except FileNotFoundError:
        return True
    except ValueError:
        return False
    except OSError as error:
        return error.errno != errno.ENAMETOOLONG
    return True


def describe_broken_link(path: str | Path) -> str:
    """Return which link of a path that does not exist leads nowhere, and where it leads to; empty without one."""
    for part in (Path(path), *Path(path).parents):
        if exists(part):
            break
        try:
            return f"{show_value(str(part))} is a link to {show_value(str(part.readlink()))}, which is not there"
        except (OSError, ValueError):  # it is no link
            continue
    return ""
