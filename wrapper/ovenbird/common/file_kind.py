"""Describe what a file is, for an error message about a path of the wrong kind."""

from __future__ import annotations

import os
import stat
from pathlib import Path

_HEAD = 512  # bytes: the header of a tar
_PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "Zstandard"}
ARCHIVES = ("a zip archive", "a tar archive")
NOTEBOOK_HINT = (
    "run the function from its cell by `ovenbird.function(NAME).run()`, or save its code as a `.py` file:"
    " `jupyter nbconvert --to script`"
)


def describe_file(path: Path) -> str:
    """Return the kind of a file, with its article, by its first bytes; empty where nothing exists.

    One of `ARCHIVES` for an archive that is not compressed, or that is and is called a tar.
    """
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116  # pathlib raises for a NUL
        if stat.S_ISDIR(mode):
            return "a folder"
        if not stat.S_ISREG(mode):
            return "no regular file"
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except PermissionError:
        return "a file that this user may not read"
    except (OSError, ValueError):
        return ""
    if path.suffix == ".ipynb":
        return "a notebook"
    if not head:
        return "an empty file"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "a wheel" if path.suffix == ".whl" else "a zip archive"
    if head[257:262] == b"ustar":
        return "a bundle of `ovenbird bundle`" if head.startswith(b"bundle.json\0") else "a tar archive"
    if packing := next((name for start, name in _PACKED.items() if head.startswith(start)), ""):
        tar = path.suffix in (".tgz", ".tbz2", ".txz") or ".tar" in path.suffixes
        return "a tar archive" if tar else f"a file that is compressed ({packing})"
    return "a binary file" if b"\0" in head else "a text file"
