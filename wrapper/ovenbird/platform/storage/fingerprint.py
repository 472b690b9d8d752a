"""Identify a version of a file or a folder: digest, size, time.

For an input that is not copied, a store knows no more of its content.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...common.hashing import checksum_file, new_md5
from ...common.named_paths import is_folder
from ..store import format_timestamp
from .tree_walk import describe_special, walk_tree

Fingerprint = dict[str, Any]
"""`{hash, size, files, last_modified, checked, stat}`. `hash` is `md5:` of the file; of a folder, of the names, sizes
and digests of its files. `files` counts those of a folder. `stat` changes whenever a file may have changed."""
_LARGEST = 16 * 1024**3  # bytes; what is larger is told by its size and time alone
_SETTLED = 2.0  # seconds; a file that changed this shortly before it was hashed may change again in the same moment


def read_local(root: Path, recorded: Mapping[str, Any] | None = None) -> Fingerprint | None:
    """Return the fingerprint of a file or folder, None of a pipe or device.

    The digest is taken over from `known` where no size, time or inode has changed since. OSError: it cannot be read.
    """
    if describe_special(root):
        return None
    folder = is_folder(root)
    files = walk_tree(root).files if folder else [(root, "")]
    lines, size, newest = [], 0, 0.0
    for path, name in files:
        status = os.stat(path)  # noqa: PTH116  # see named_paths
        size, newest = size + status.st_size, max(newest, status.st_mtime)
        lines.append(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ino}\n")
    stat = _digest_text("".join(lines))
    current: Fingerprint = {
        "size": size,
        "last_modified": format_timestamp(newest),
        "checked": format_timestamp(),
        "stat": stat,
    }
    if recorded and recorded.get("stat") == stat and format_timestamp(newest + _SETTLED) < str(recorded.get("checked")):
        return {**current, "hash": recorded.get("hash"), **({"files": len(files)} if folder else {})}
    return current | (read_files(files, folder=folder) if size <= _LARGEST else {"hash": None})


def read_files(files: Sequence[tuple[Path, str]], *, folder: bool) -> Fingerprint:
    """Return hash and size of a file, or of the files of a folder with their names, as they are now."""
    if not folder:
        path = files[0][0]
        return {"hash": checksum_file(path), "size": path.stat().st_size, "checked": format_timestamp()}
    lines, size = [], 0
    for path, name in sorted(files, key=lambda pair: pair[1]):
        length = path.stat().st_size
        size += length
        lines.append(f"{name}\0{length}\0{checksum_file(path)}\n")
    return {"hash": _digest_text("".join(lines)), "size": size, "files": len(files), "checked": format_timestamp()}


def is_same(first: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two fingerprints are of the same content, as far as they tell."""
    name = "hash" if first.get("hash") and other.get("hash") else "stat"
    return bool(first.get(name) == other.get(name) and first.get("size") == other.get("size"))


def _digest_text(text: str) -> str:
    total = new_md5()
    total.update(text.encode("utf-8", "surrogateescape"))
    return f"md5:{total.hexdigest()}"
