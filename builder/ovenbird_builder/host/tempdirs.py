"""Folders for the work of one build, on the disk of the cache; removed at the end, after a kill by the next build."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .disk import guard_cache_writes
from .process_id import format_process_id, has_ended

_PREFIX = "build-"


@contextlib.contextmanager
def make_build_folder(cache: Path) -> Iterator[Path]:
    """Yield an empty folder below the cache, which is removed at the end. Errors: DiskFullError."""
    root = cache / "tmp"
    with guard_cache_writes(root):
        root.mkdir(parents=True, exist_ok=True)
        remove_ended_builds(root)
        folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{format_process_id()}-", dir=root))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_step_folder(cache: Path) -> tempfile.TemporaryDirectory[str]:
    """Return a folder below the cache for what a step in a container writes; it goes with its `with` block."""
    (cache / "tmp").mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(prefix="step-", dir=cache / "tmp", ignore_cleanup_errors=True)


def remove_ended_builds(root: Path) -> None:
    """Remove the folders of builders that are gone."""
    for path in root.glob(f"{_PREFIX}*"):
        pid, start = [*path.name.removeprefix(_PREFIX).split("-"), ""][:2]
        if has_ended(pid, start):
            shutil.rmtree(path, ignore_errors=True)
