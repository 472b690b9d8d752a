"""Write output files: whole or not at all, and directly into devices, pipes and open streams."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from .private_files import make_private_file

_STREAMS = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
_OPEN_FILE = re.compile(r"/(?:dev|proc/self)/fd/([0-9]{1,6})", re.ASCII)
# a file that is mounted by itself, or in a folder that is not ours, can be written and not be replaced
NOT_REPLACED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY)


def write_file(path: Path, content: bytes) -> None:
    """Write bytes to a path: under a temporary name, then renamed; its folder has to be there.

    Anything but a regular file (`/dev/stdout`, `/dev/null`, a pipe) is written to directly, as are the target of a link
    and a file that cannot be replaced. Errors: OSError.
    """
    if not is_replaceable(path):
        _write_into(path, content)
        return
    try:
        with replacing(path) as draft:
            draft.write_bytes(content)
    except OSError as error:
        if error.errno not in NOT_REPLACED or not path.is_file():
            raise
        _write_into(path, content)


@contextlib.contextmanager
def replacing(path: Path, *, mode: int = 0o644) -> Iterator[Path]:
    """Yield the path of an empty file to write to, which takes the place of `path` when the block ends without error.

    Where `path` must not be replaced (`is_replaceable`), what was written is copied into it. Errors: OSError.
    """
    if is_replaceable(path):
        with drafting(path, durable=True) as draft:
            make_private_file(draft)
            yield draft
            draft.chmod(mode)
        return
    import shutil
    import tempfile  # files that can be replaced need neither

    handle, name = tempfile.mkstemp(prefix="ovenbird-")
    os.close(handle)
    draft = Path(name)
    try:
        yield draft
        with draft.open("rb") as source, _open_for_writing(path) as target:
            shutil.copyfileobj(source, target)
    finally:
        draft.unlink(missing_ok=True)


@contextlib.contextmanager
def drafting(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Yield a free name next to `path`. The file that the block makes there replaces `path` at its end.

    When the block fails, nothing is left. With `durable`, the content is on the disk before it has its name: without,
    a power cut soon after may leave an empty file. The folder has to be there. Errors: OSError.
    """
    stem = os.fsdecode(os.fsencode(path.name)[:180])  # a name has at most 255 bytes
    draft = path.with_name(f".{stem}.{os.getpid()}-{os.urandom(4).hex()}.part")
    try:
        yield draft
        if durable:
            with draft.open("rb") as file:
                os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def write_private_file(path: Path, content: bytes) -> None:
    """Write bytes to a file that only its owner may read, whole or not at all; a link at `path` is replaced.

    Errors: OSError.
    """
    with drafting(path, durable=True) as draft:
        make_private_file(draft)
        draft.write_bytes(content)


def is_replaceable(path: Path) -> bool:
    """Return whether a rename may replace `path`: not a device, a pipe or a link."""
    return not path.is_symlink() and (path.is_file() or not path.exists())


def is_open_stream(path: Path) -> bool:
    """Return whether a path names a stream or file that this process has open, as /dev/stdout and /dev/fd/3 do."""
    return str(path) in _STREAMS or bool(_OPEN_FILE.fullmatch(str(path)))


def _write_into(path: Path, content: bytes) -> None:
    with _open_for_writing(path) as file:
        file.write(content)


def _open_for_writing(path: Path) -> BinaryIO:
    """Open for writing. An open stream of this process continues at its position: a new one would truncate its file."""
    match = _OPEN_FILE.fullmatch(str(path))
    if sys.stdout is not None:
        sys.stdout.flush()
    number = _STREAMS.get(str(path), int(match[1]) if match else -1)
    return os.fdopen(os.dup(number), "wb") if number >= 0 else path.open("wb")
