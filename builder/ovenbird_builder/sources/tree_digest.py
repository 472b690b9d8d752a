"""The content digest of a tree; times, owners and the order of writing do not change it."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from ovenbird.common.hashing import hash_bytes, hash_file


class FileRow(Struct, frozen=True):
    """A file, link or empty folder of a tree: its path, its size in bytes, and what tells its content from another."""

    path: bytes
    size: int
    kind: bytes  # f, x (executable), l (link), d (empty folder)
    content: str  # SHA-256 in hex

    @property
    def name(self) -> str:
        """Return the path as text."""
        return os.fsdecode(self.path)

    @property
    def identity(self) -> str:
        """Return a short text that changes with the file's kind or content."""
        return f"{self.kind.decode()}{self.content[:16]}"


def hash_tree(root: Path) -> str:
    """Return the digest of a tree. As `hash_rows`."""
    return hash_rows(list_rows(root))


def hash_rows(rows: Iterable[FileRow]) -> str:
    """Return `sha256:` and a digest of each file's path, executable bit, link target and content, in order of paths.

    Folders count by the files in them, empty ones by their path.
    """
    total = hashlib.sha256(b"ovenbird tree 1\n")
    for row in rows:
        total.update(b"%s %d %s %s\n" % (row.kind, len(row.path), row.path, row.content.encode()))
    return f"sha256:{total.hexdigest()}"


def list_rows(root: Path) -> tuple[FileRow, ...]:
    """Return each file, link and empty folder of a tree, in the order of paths."""
    return tuple(_make_row(*entry) for entry in sorted(_list_files(str(root), b""), key=lambda entry: entry[0]))


def _make_row(path: bytes, location: str, status: os.stat_result) -> FileRow:
    if stat.S_ISLNK(status.st_mode):
        target = os.readlink(os.fsencode(location))  # noqa: PTH115  # in bytes
        return FileRow(path, len(target), b"l", hash_bytes(target))
    if stat.S_ISDIR(status.st_mode):
        return FileRow(path, 0, b"d", hash_bytes(b""))
    return FileRow(path, status.st_size, b"x" if status.st_mode & 0o100 else b"f", hash_file(Path(location)))


def _list_files(folder: str, prefix: bytes) -> list[tuple[bytes, str, os.stat_result]]:
    """Return each file, link and empty folder below a folder: its relative path in bytes, its full path, its status."""
    rows: list[tuple[bytes, str, os.stat_result]] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            name = prefix + os.fsencode(entry.name)
            inner = _list_files(entry.path, name + b"/") if entry.is_dir(follow_symlinks=False) else []
            rows += inner or [(name, entry.path, entry.stat(follow_symlinks=False))]
    return rows
