"""The folder of the local store, which only its owner may read: `ovenbird.db`, `files/`, `logs/`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ...common.private_files import close_to_others, make_private_file, make_private_folder
from ...errors import PlatformError
from ..keys import check_id, check_name
from .database import translate_errors

DATABASE = "ovenbird.db"
_OWN = {".gitignore", "files", "logs", "secrets", "ui-uploads", "unsent"}


def prepare_folder(home: Path) -> None:
    """Make the folder, or restrict access to the one that is there. Errors: PlatformError."""
    with translate_errors(home):
        if make_private_folder(home):
            make_private_file(home / ".gitignore")
            (home / ".gitignore").write_text("*\n", encoding="ascii")
        else:
            _close_to_others(home)


def _close_to_others(home: Path) -> None:
    """Restrict access to a folder of an earlier version. A folder with other files in it stays as it is."""
    names = set(os.listdir(home))  # noqa: PTH208  # the cheapest look
    database = [home / (DATABASE + end) for end in ("", "-wal", "-shm", ".lock")]
    own = {path.name for path in database} | _OWN
    close_to_others(path for path in (*database, *(home / name for name in _OWN)) if path.name in names)
    if names <= own:
        close_to_others([home])


def prepare_log_file(home: Path, project: str, identity: str) -> Path:
    """Return the file that takes the log of a run; its folder exists. Errors: InputError, PlatformError."""
    folder = home / "logs" / check_name(project, "project")
    with translate_errors(folder):
        make_private_folder(folder.parent)
        make_private_folder(folder)
        if folder.is_symlink() or folder.parent.is_symlink():
            raise PlatformError(f"{folder} is a link: logs lie in the store itself", hint="remove the link")
    return folder / f"{check_id(identity)}.log"


def read_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a log. A link is not followed: OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    with open(handle, encoding="utf-8", errors="replace") as log:  # noqa: PTH123  # a link is not followed
        yield from log
