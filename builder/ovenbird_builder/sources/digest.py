"""The content digest of a tree: what is in it, and nothing of when, by whom and in which order it was written."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

_BLOCK = 1024 * 1024


def of_tree(root: Path) -> str:
    """`sha256:` and a digest over each file's path, executable bit, link target and content, in the order of paths.

    Folders count by the files in them; an empty one does not, as in git.
    """
    total = hashlib.sha256(b"ovenbird tree 1\n")
    for path in sorted(_files(str(root), b""), key=lambda found: found[0]):
        name, place, mode = path
        if stat.S_ISLNK(mode):
            target = os.readlink(os.fsencode(place))  # noqa: PTH115  # in bytes
            kind, content = b"l", hashlib.sha256(target).hexdigest()
        else:
            kind, content = b"x" if mode & 0o100 else b"f", of_file(Path(place))
        total.update(b"%s %d %s %s\n" % (kind, len(name), name, content.encode()))
    return f"sha256:{total.hexdigest()}"


def of_file(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    total = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            total.update(block)
    return total.hexdigest()


def _files(folder: str, prefix: bytes) -> list[tuple[bytes, str, int]]:
    """Every file and link below a folder: its relative path in bytes, where it is, its mode."""
    found: list[tuple[bytes, str, int]] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            name = prefix + os.fsencode(entry.name)
            if entry.is_dir(follow_symlinks=False):
                found += _files(entry.path, name + b"/")
            else:
                found.append((name, entry.path, entry.stat(follow_symlinks=False).st_mode))
    return found
