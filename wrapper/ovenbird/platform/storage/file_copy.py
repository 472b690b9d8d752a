"""Copy and hash files on local disks, atomically and in constant memory."""

from __future__ import annotations

import errno
import fcntl
import io
import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...common.atomic_files import drafting
from ...common.hashing import new_md5

Progress = Callable[[int], None]
"""Called with the number of bytes that have just moved."""

_CHUNK = 1024 * 1024
_SLICE = 64 * 1024 * 1024  # what the kernel copies between two calls of the progress
_FICLONE = 0x40049409  # ioctl: share the blocks of another file, on btrfs, XFS, bcachefs
# The file systems or the kernel cannot do it between these two files; reading and writing can.
_UNABLE = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.ENOTTY, errno.EBADF)


def copy_file(source: Path, target: Path, progress: Progress | None = None) -> int:
    """Copy a file in the kernel where that is possible, sharing blocks where the file system can, and return its size.

    `target` appears whole or not at all. OSError as it comes.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as read, drafting(target) as part, part.open("wb") as write:
        size = os.fstat(read.fileno()).st_size
        if _clone_blocks(read.fileno(), write.fileno()):
            if progress:
                progress(size)
            return size
        return _copy_content(read.fileno(), write.fileno(), progress)


def _clone_blocks(read: int, write: int) -> bool:
    try:
        fcntl.ioctl(write, _FICLONE, read)
    except OSError as error:
        if error.errno in _UNABLE:
            return False
        raise
    return True


def _copy_content(read: int, write: int, progress: Progress | None) -> int:
    total = 0
    for step in (_copy_range, _send_range, _read_write):
        try:
            while moved := step(read, write):
                total += moved
                if progress:
                    progress(moved)
        except OSError as error:
            if error.errno not in _UNABLE or total:
                raise
            continue
        # Files of /proc and of some FUSE systems have no size, and the kernel's copies then see their end at once.
        if total or step is _read_write:
            break
    return total


def _copy_range(read: int, write: int) -> int:
    if not hasattr(os, "copy_file_range"):
        raise OSError(errno.ENOSYS, "no copy_file_range")
    return os.copy_file_range(read, write, _SLICE)


def _send_range(read: int, write: int) -> int:
    return os.sendfile(write, read, None, _SLICE) if hasattr(os, "sendfile") else 0


def _read_write(read: int, write: int) -> int:
    data = memoryview(os.read(read, _CHUNK))
    written = 0
    while written < len(data):
        written += os.write(write, data[written:])
    return written


class HashedFile(io.FileIO):
    """A new file that is hashed by a second thread while it is written, from its start to its end, without seeking."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "w")
        self._md5 = new_md5()
        self._blocks: queue.Queue[bytes | None] = queue.Queue(64)
        self._thread = threading.Thread(target=self._hash, daemon=True)
        self._thread.start()

    def write(self, data: Any) -> int:
        """Write all of `data`."""
        view = memoryview(data).cast("B")
        self._blocks.put(bytes(view))
        written = 0
        while written < len(view):
            written += super().write(view[written:]) or 0
        return written

    def close(self) -> None:
        """Close the file and wait for the rest of it to be hashed."""
        if not self.closed:
            super().close()
            self._blocks.put(None)
            self._thread.join()

    def digest(self) -> str:
        """Return `md5:<hex>` of the content; the file has to be closed."""
        return f"md5:{self._md5.hexdigest()}"

    def _hash(self) -> None:
        while (block := self._blocks.get()) is not None:
            self._md5.update(block)
