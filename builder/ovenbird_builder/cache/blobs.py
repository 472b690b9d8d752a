"""Blobs by digest, and the drafts they are written as.

    blobs/sha256/<hex>   layers, configs, manifests, bytecode, base blobs (skopeo's shared blob folder is `blobs`)
    drafts/              files being written, each locked by its writer; what is not locked is left over from a kill

A blob appears by a rename after it is whole and on the disk: a builder that is killed at any moment leaves a draft at
most.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ovenbird.common.hashing import digest_bytes, digest_file
from ovenbird.common.private_files import close_to_others, make_private_folder

from ..host.disk import guard_cache_writes

_log = logging.getLogger("ovenbird.cache")


class PendingBlob:
    """A file being written that becomes a blob when it is kept, and nothing otherwise."""

    def __init__(self, file: _FullWriter, path: Path) -> None:
        self.file, self.path, self.hash, self.size = file, path, hashlib.sha256(), 0

    def write(self, data: bytes) -> int:
        """Add bytes; how many. Errors: DiskFullError."""
        with guard_cache_writes(self.path):
            self.file.write(data)
        self.hash.update(data)
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing waits in a buffer; writers of archives ask for this."""

    @property
    def digest(self) -> str:
        """Return the digest of what was written so far."""
        return "sha256:" + self.hash.hexdigest()


class BlobStore:
    """The blobs and drafts below `root`, which is made when it is missing. Errors: DiskFullError."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root).absolute()
        self.blobs, self.drafts = self.root / "blobs", self.root / "drafts"
        with guard_cache_writes(self.root):
            # others need not read what somebody builds; a folder that was shared on purpose stays so
            if not make_private_folder(self.root) and self.root.parent.name == ".cache":
                close_to_others([self.root])
            for folder in (self.blobs / "sha256", self.drafts):
                folder.mkdir(parents=True, exist_ok=True)

    def locate_blob(self, digest: str) -> Path:
        """Return the path of a blob, which may not exist."""
        assert re.fullmatch("sha256:[0-9a-f]{64}", digest), digest
        return self.blobs / "sha256" / digest[7:]

    def verify(self, digest: str) -> bool:
        """Return whether the whole blob has its digest; one that has not is removed."""
        path = self.locate_blob(digest)
        try:
            if digest_file(path) == digest:
                return True
        except FileNotFoundError:
            return False
        _log.warning("the cached blob %s is damaged and is made again", digest)
        path.unlink(missing_ok=True)
        return False

    def read(self, digest: str) -> bytes | None:
        """Return a small blob (manifest, config), checked; None when it is not here or damaged."""
        return self.locate_blob(digest).read_bytes() if self.verify(digest) else None

    @contextlib.contextmanager
    def open_draft(self) -> Iterator[PendingBlob]:
        """Yield a file to write; what is not kept by `keep` is removed. Errors: DiskFullError."""
        with guard_cache_writes(self.root):
            number, name = tempfile.mkstemp(dir=self.drafts)
        path = Path(name)
        try:
            fcntl.flock(number, fcntl.LOCK_EX)
            # unbuffered: a write that fails must not fail again when the file is closed
            with os.fdopen(number, "wb", buffering=0) as file:
                yield PendingBlob(_FullWriter(file), path)
        finally:
            path.unlink(missing_ok=True)

    def keep(self, draft: PendingBlob) -> Path:
        """Turn a draft into a blob. Errors: DiskFullError."""
        path = self.locate_blob(draft.digest)
        with guard_cache_writes(self.root):
            os.fchmod(draft.file.fileno(), 0o644)
            os.fsync(draft.file.fileno())
            draft.path.replace(path)
        return path

    def put(self, data: bytes) -> str:
        """Keep bytes as a blob; its digest."""
        digest = digest_bytes(data)
        path = self.locate_blob(digest)
        if not (path.exists() and path.read_bytes() == data):
            with self.open_draft() as draft:
                draft.write(data)
                self.keep(draft)
        return digest

    @contextlib.contextmanager
    def open_workspace(self) -> Iterator[Path]:
        """Yield an empty folder for a while. Errors: DiskFullError."""
        with guard_cache_writes(self.root):
            folder = Path(tempfile.mkdtemp(dir=self.drafts))
        try:
            with (folder / ".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                (folder / "work").mkdir()
                yield folder / "work"
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def reap(self) -> None:
        """Remove drafts whose writer is gone: a lock ends with its process."""
        for path in self.drafts.iterdir():
            with contextlib.suppress(OSError):
                if path.stat().st_mtime > time.time() - 60:
                    continue  # its writer may be between making and locking it
                lock = path / ".lock" if path.is_dir() else path
                if not lock.exists():  # killed between making the folder and its lock
                    shutil.rmtree(path, ignore_errors=True)
                    continue
                with lock.open("rb") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


class _FullWriter:
    """A raw file whose `write` writes all, as a full disk shows itself by a short write first."""

    def __init__(self, file: Any) -> None:
        self.file = file

    def fileno(self) -> int:
        return int(self.file.fileno())

    def write(self, data: bytes) -> int:
        rest = memoryview(data)
        while rest:
            rest = rest[self.file.write(rest) :]
        return len(data)
