"""Write the files that people name: whole or not at all, and into devices, pipes and open streams as they are."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_STREAMS = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
_OPEN_FILE = re.compile(r"/(?:dev|proc/self)/fd/([0-9]{1,6})", re.ASCII)
# a file that is mounted by itself, or in a folder that is not ours, can be written and not be replaced
_NOT_REPLACED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY)


def write_file(path: Path, content: bytes) -> None:
    """Write bytes to a path: under a temporary name, then renamed; its folder has to be there.

    What is no regular file (`/dev/stdout`, `/dev/null`, a pipe) is written into, and so is what a link leads to and a
    file that can be written and not be replaced. Errors: OSError.
    """
    if not is_replaceable(path):
        _write_into(path, content)
        return
    try:
        with replacing(path) as draft:
            draft.write_bytes(content)
    except OSError as error:
        if error.errno not in _NOT_REPLACED or not path.is_file():
            raise
        _write_into(path, content)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield the path of an empty file to write to, which takes the place of `path` when the block ends without error.

    Where `path` must not be replaced (`is_replaceable`), what was written is copied into it. Errors: OSError.
    """
    beside = is_replaceable(path)
    folder = path.absolute().parent if beside else None
    handle, name = tempfile.mkstemp(prefix=f".{os.fsdecode(os.fsencode(path.name)[:180])}-", dir=folder)
    os.close(handle)
    draft = Path(name)
    try:
        yield draft
        if beside:
            with draft.open("rb") as file:
                os.fsync(file.fileno())
            draft.chmod(0o644)
            draft.replace(path)
        else:
            with draft.open("rb") as source, _opened(path) as target:
                shutil.copyfileobj(source, target)
    finally:
        draft.unlink(missing_ok=True)


def is_replaceable(path: Path) -> bool:
    """Return whether a rename to `path` takes nothing away that is more than a file: a device, a pipe, a link."""
    return not path.is_symlink() and (path.is_file() or not path.exists())


def _write_into(path: Path, content: bytes) -> None:
    with _opened(path) as file:
        file.write(content)


def _opened(path: Path) -> BinaryIO:
    """Open for writing; a stream of this process goes on where it is, as opening it anew would cut off its file."""
    match = _OPEN_FILE.fullmatch(str(path))
    if sys.stdout is not None:
        sys.stdout.flush()
    number = _STREAMS.get(str(path), int(match[1]) if match else -1)
    return os.fdopen(os.dup(number), "wb") if number >= 0 else path.open("wb")
