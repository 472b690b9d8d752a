"""Values of secrets in the local store: one file each below `secrets/PROJECT/`, readable only by its owner."""

from __future__ import annotations

import os
from pathlib import Path

from ...common.atomic_files import write_private_file
from ...common.private_files import make_private_folder
from ...errors import PlatformError
from ..keys import check_name
from .database import translate_errors


def read_value(home: Path, project: str, name: str) -> str | None:
    """Return the value, or None. Errors: PlatformError."""
    path = _secret_path(home, project, name)
    with translate_errors(path):
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        with open(handle, encoding="utf-8", newline="") as file:  # noqa: PTH123  # a link is not followed
            return file.read()


def write_value(home: Path, project: str, name: str, value: str | None) -> None:
    """Write the value atomically; None removes it. Errors: PlatformError."""
    path = _secret_path(home, project, name)
    with translate_errors(path):
        if value is None:
            path.unlink(missing_ok=True)
            return
        for folder in (path.parent.parent, path.parent):
            make_private_folder(folder)
            if folder.is_symlink():
                raise PlatformError(f"{folder} is a link: secrets lie in the store itself", hint="remove the link")
        write_private_file(path, value.encode("utf-8", "surrogateescape"))


def _secret_path(home: Path, project: str, name: str) -> Path:
    return home / "secrets" / check_name(project, "project") / check_name(name, "secret name")
