"""Files that a form was sent with: they are kept below the data folder, as inputs of the run."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ovenbird.errors import OutputError
from ovenbird.platform.keys import new_id


def save_uploads(folder: Path, files: Mapping[str, list[Any]]) -> dict[str, str]:
    """Write the file of each field, and return its path by the field. Errors: OutputError."""
    paths = {}
    for name, uploads in files.items():
        upload = uploads[0]
        target = folder / ".ovenbird" / "uploads" / new_id() / _clean_name(upload.filename or "file")
        try:
            target.parent.mkdir(parents=True)
            with target.open("xb") as file:
                shutil.copyfileobj(upload.file, file)
        except OSError as error:
            raise OutputError(f"the file of {name} cannot be kept: {error.strerror or error}") from None
        paths[name] = str(target)
    return paths


def _clean_name(name: str) -> str:
    """Return a file name without folders and odd characters."""
    return re.sub(r"[^\w.-]", "_", Path(name.replace("\\", "/")).name).lstrip(".")[-100:] or "file"
