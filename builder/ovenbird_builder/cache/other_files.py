"""What lies in a cache beside blobs, keys and layouts: wheels, resolved locks, the caches of pip and uv."""

from __future__ import annotations

import contextlib
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct


class OtherFile(Struct, frozen=True):
    """What goes as one: `kind` is wheel, note (of a wheel), lock, pip or uv; size in bytes, `used` in seconds."""

    kind: str
    size: int
    used: float
    paths: tuple[Path, ...]

    def remove(self) -> None:
        """Remove it; what is gone already is no error."""
        for path in self.paths:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)


def list_other_files(root: Path) -> Iterator[OtherFile]:
    """Return all of it below a cache's root."""
    for folder in _list_entries(root / "wheels" / "files"):
        yield _measure("wheel", [folder])
    for path in _list_entries(root / "wheels" / "keys"):
        yield _measure("note", [path])
    for path in _list_entries(root / "resolved"):
        yield _measure("lock", [path])
    # pip keeps an answer as two files, and takes one without its `.body` for an empty answer
    answers: dict[Path, list[Path]] = defaultdict(list)
    for path in (root / "pip").rglob("*"):
        if not path.is_dir():
            answers[path.with_name(path.name.removesuffix(".body"))].append(path)
    for paths in answers.values():
        yield _measure("pip", paths)
    if (root / "uv").is_dir():  # its files name each other, so it goes whole
        yield _measure("uv", [root / "uv"])


def _list_entries(folder: Path) -> Iterable[Path]:
    return list(folder.iterdir()) if folder.is_dir() else ()


def _measure(kind: str, paths: list[Path]) -> OtherFile:
    size, used = 0, 0.0
    for path in paths:
        for inner in (path, *path.rglob("*")) if path.is_dir() else (path,):
            with contextlib.suppress(OSError):  # another program has just removed it
                status = inner.lstat()
                size += 0 if inner.is_dir() else status.st_size
                used = max(used, status.st_mtime)
    return OtherFile(kind, size, used, tuple(paths))
