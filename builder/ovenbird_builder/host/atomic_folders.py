"""Folders that appear whole or not at all, whoever else makes the same one at the same time."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def fill_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes `target` when the block ends without error.

    Where another process was quicker, its folder stays. Who is killed leaves a folder whose name begins with `.half-`.
    Errors: OSError.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".half-", dir=target.parent))
    try:
        yield draft
        draft.chmod(0o755)
        with contextlib.suppress(OSError):  # another one was quicker
            draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
