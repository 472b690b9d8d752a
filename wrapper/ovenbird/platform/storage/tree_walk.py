"""The files of a folder that a user stores or reads: links to folders are followed, other stores are left out."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from ...common.text import escape_bytes

_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
}
Identity = tuple[int, int]
"""Device and inode: what a folder is, by whichever path it is reached."""


@dataclass
class FileTree:
    """Files of a folder with their names below it, in order, and what cannot be stored, with the reason."""

    files: list[tuple[Path, str]] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)


def describe_special(path: Path) -> str:
    """Return which kind of special file the path is, or nothing for a file, a folder and what is not there."""
    try:
        return _KINDS.get(stat.S_IFMT(os.stat(path).st_mode), "")  # noqa: PTH116  # see named_paths
    except (OSError, ValueError):
        return ""


def identify_folder(folder: str | Path) -> Identity | None:
    """Return the identity of the folder; None if it does not exist."""
    try:
        status = os.stat(folder)  # noqa: PTH116  # see named_paths
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def walk_tree(root: Path, skip: Collection[Identity] = ()) -> FileTree:
    """Return the files below a folder; links to files and folders count as what they lead to.

    Folders in `skip` and embedded stores are left out without a word: a folder that holds its own store would else
    double with each run. A link that leads nowhere or back to a folder above it, a special file, and a folder that
    cannot be read are problems. Errors: OSError when `root` itself cannot be read.
    """
    tree = FileTree()
    _walk(root, "", [], skip, tree)
    return tree


def _walk(folder: Path, prefix: str, above: list[Identity], skip: Collection[Identity], tree: FileTree) -> None:
    status = folder.stat()
    within = [*above, (status.st_dev, status.st_ino)]
    with os.scandir(folder) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        name, path = f"{prefix}{escape_bytes(entry.name)}", folder / entry.name
        try:
            if entry.is_dir():
                identity = identify_folder(path)
                if identity in within:
                    tree.problems.append((name, "is a link to a folder above it"))
                elif identity not in skip and not _is_store(path):
                    _walk(path, f"{name}/", within, skip, tree)
            elif entry.is_file():
                tree.files.append((path, name))
            elif special := describe_special(path):
                tree.problems.append((name, f"is {special}"))
            else:
                tree.problems.append((name, "is a link that leads nowhere"))
        except OSError as error:
            tree.problems.append((name, f"cannot be read: {error.strerror}"))


def _is_store(folder: Path) -> bool:
    """Return whether the folder is an embedded store: its usual name, and its database."""
    return folder.name == ".ovenbird" and os.path.lexists(folder / "ovenbird.db")
