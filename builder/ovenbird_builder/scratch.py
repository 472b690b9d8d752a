"""Folders for the work of one build, on the disk of the cache; removed at the end, after a kill by the next build."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ovenbird.common.units import read_whole

from .container import started
from .layers.blobs import space

_PREFIX = "build-"


@contextlib.contextmanager
def scratch(cache: Path) -> Iterator[Path]:
    """An empty folder below the cache. Errors: SpaceError."""
    root = cache / "tmp"
    with space(root):
        root.mkdir(parents=True, exist_ok=True)
        reap(root)
        folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-{started(os.getpid())}-", dir=root))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def reap(root: Path) -> None:
    """Remove what builders have left that are gone."""
    for path in root.glob(f"{_PREFIX}*"):
        pid, start = [*path.name.removeprefix(_PREFIX).split("-"), ""][:2]
        if (number := read_whole(pid, 0)) and started(number) != start:
            shutil.rmtree(path, ignore_errors=True)
