"""The cache: blobs by digest, shared by every image; an index of keys; image layouts. Safe for several builders.

    blobs/sha256/<hex>   layers, configs, manifests, bytecode, base blobs (skopeo's shared blob folder is `blobs`)
    keys/<hex>           which blob a key gave, as JSON
    layouts/<name>/      OCI layouts without blobs of their own
    drafts/              files being written, each locked by its writer; what is not locked is left over from a kill

A blob appears by a rename after it is whole and on the disk, a key after its blob: a builder that is killed at any
moment leaves a draft at most. An entry that does not fit its blob is dropped with a warning, and made again.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import SpaceError
from . import Layer

_log = logging.getLogger("ovenbird.cache")
_CHUNK = 1024 * 1024
_FULL = {
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.EIO, errno.ENOENT,
    errno.ENOTDIR, errno.EEXIST,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """What a key gave: a blob, or without a `digest` a small value in `note`.

    `stamp` is the blob's modification time (ns) when its digest was last known to be right.
    """

    key: str
    digest: str
    size: int
    media_type: str
    name: str
    diff_id: str = ""
    note: str = ""
    stamp: int = 0


class Draft:
    """A file being written that becomes a blob when it is kept, and nothing otherwise."""

    def __init__(self, file: _Whole, path: Path) -> None:
        self.file, self.path, self.hash, self.size = file, path, hashlib.sha256(), 0

    def write(self, data: bytes) -> int:
        """Add bytes; how many. Errors: SpaceError."""
        with space(self.path):
            self.file.write(data)
        self.hash.update(data)
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing waits in a buffer; writers of archives ask for this."""

    @property
    def digest(self) -> str:
        """The digest of what was written so far."""
        return "sha256:" + self.hash.hexdigest()


class Cache:
    """A cache below `root`, made when it is missing. Errors: SpaceError."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root).absolute()
        self.blobs, self.keys = self.root / "blobs", self.root / "keys"
        self.layouts, self.drafts = self.root / "layouts", self.root / "drafts"
        with space(self.root):
            for folder in (self.blobs / "sha256", self.keys, self.layouts, self.drafts, self.root / "locks"):
                folder.mkdir(parents=True, exist_ok=True)
            tag = self.root / "CACHEDIR.TAG"  # https://bford.info/cachedir/: backups leave the folder out
            if not tag.exists():
                tag.write_text("Signature: 8a477f597d28d172789f06886806bc55\n")
            self._lock = os.open(self.root / "locks" / "cache", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        self.close = weakref.finalize(self, os.close, self._lock)  # lets others prune; once, at the latest at the end
        fcntl.flock(self._lock, fcntl.LOCK_SH)  # held while this builder lives: nothing is pruned under its hands
        self._reap()

    @contextlib.contextmanager
    def only_one(self, timeout: float = 60) -> Iterator[None]:
        """Be the only builder on this cache for a while; waits `timeout` seconds. Errors: SpaceError."""
        end = time.monotonic() + timeout
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise SpaceError(f"another builder has used the cache {str(self.root)!r} all the time") from None
                time.sleep(0.1)
        try:
            yield
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_SH)

    def blob(self, digest: str) -> Path:
        """Where a blob lies, or would."""
        assert re.fullmatch("sha256:[0-9a-f]{64}", digest), digest
        return self.blobs / "sha256" / digest[7:]

    # -- finding

    def find(self, key: str) -> Entry | None:
        """What a key gave, when it is still whole. A blob that is the one written is known by its size and time."""
        path = self._key(key)
        try:
            entry = Entry(**json.loads(path.read_bytes()))
            if not entry.digest and entry.key == key:
                self._touch(path)
                return entry
            status = self.blob(entry.digest).stat()
        except FileNotFoundError:
            if path.exists():
                self._drop(path, key, "its blob is gone")
            return None
        except (ValueError, TypeError, AssertionError, AttributeError):
            self._drop(path, key, "the entry is damaged")
            return None
        if entry.key != key or status.st_size != entry.size:
            self._drop(path, key, "its blob has another size")
            return None
        if status.st_mtime_ns != entry.stamp:  # written by another builder, or the cache was copied: look once
            if not self.verify(entry.digest):
                self._drop(path, key, "its blob has another digest")
                return None
            entry = replace(entry, stamp=status.st_mtime_ns)
            self._write_key(entry)
        else:
            self._touch(path)
        return entry

    def _touch(self, path: Path) -> None:
        """Keep when an entry was last used, for `prune`; another builder may drop it at this moment."""
        with contextlib.suppress(OSError):
            os.utime(path)

    def find_layer(self, key: str) -> Layer | None:
        """The layer that a key gave."""
        found = self.find(key)
        if found is None:
            return None
        return Layer(key, found.digest, found.diff_id, found.size, found.media_type, found.name, cached=True)

    def verify(self, digest: str) -> bool:
        """Whether the whole blob has its digest; one that has not is removed."""
        path, found = self.blob(digest), hashlib.sha256()
        try:
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    found.update(chunk)
        except FileNotFoundError:
            return False
        if "sha256:" + found.hexdigest() == digest:
            return True
        _log.warning("the cached blob %s is damaged and is made again", digest)
        path.unlink(missing_ok=True)
        return False

    def read(self, digest: str) -> bytes | None:
        """A small blob (manifest, config), checked; None when it is not here or damaged."""
        return self.blob(digest).read_bytes() if self.verify(digest) else None

    # -- writing

    @contextlib.contextmanager
    def draft(self) -> Iterator[Draft]:
        """A file to write; what is not kept by `keep` is removed. Errors: SpaceError."""
        with space(self.root):
            number, name = tempfile.mkstemp(dir=self.drafts)
        path = Path(name)
        try:
            fcntl.flock(number, fcntl.LOCK_EX)
            # unbuffered: a write that fails must not fail again when the file is closed
            with os.fdopen(number, "wb", buffering=0) as file:
                yield Draft(_Whole(file), path)
        finally:
            path.unlink(missing_ok=True)

    def keep(self, draft: Draft) -> Path:
        """Turn a draft into a blob. Errors: SpaceError."""
        path = self.blob(draft.digest)
        with space(self.root):
            os.fchmod(draft.file.fileno(), 0o644)
            os.fsync(draft.file.fileno())
            draft.path.replace(path)
        return path

    def put(self, data: bytes) -> str:
        """Keep bytes as a blob; its digest."""
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        path = self.blob(digest)
        if not (path.exists() and path.read_bytes() == data):
            with self.draft() as draft:
                draft.write(data)
                self.keep(draft)
        return digest

    def remember(self, key: str, draft: Draft, media_type: str, name: str, diff_id: str = "", note: str = "") -> Entry:
        """Keep a draft under a key."""
        stamp = self.keep(draft).stat().st_mtime_ns
        entry = Entry(key, draft.digest, draft.size, media_type, name, diff_id, note, stamp)
        self._write_key(entry)
        return entry

    def note(self, key: str, value: Any, name: str = "") -> None:
        """Keep a small value (JSON) under a key."""
        self._write_key(Entry(key, "", 0, "application/json", name, note=json.dumps(value, sort_keys=True)))

    def noted(self, key: str) -> Any:
        """The small value under a key, or None."""
        found = self.find(key)
        if found is None:
            return None
        try:
            return json.loads(found.note)
        except ValueError:
            self._drop(self._key(key), key, "the entry is damaged")
            return None

    def layer(self, key: str, name: str, media_type: str, make: Callable[[Draft], str]) -> Layer:
        """The layer of a key: found, or made by `make`, which writes to a draft and returns the tar's digest.

        Of several builders that want the same one, the first makes it and the others wait.
        """
        found = self.find_layer(key)
        if found:
            return found
        start = time.monotonic()
        with self.alone(key):
            found = self.find_layer(key)
            if found:
                return found
            with self.draft() as draft:
                diff_id = make(draft)
                entry = self.remember(key, draft, media_type, name, diff_id)
        taken = time.monotonic() - start
        return Layer(key, entry.digest, diff_id, entry.size, media_type, name, seconds=taken)

    @contextlib.contextmanager
    def workspace(self) -> Iterator[Path]:
        """An empty folder for a while. Errors: SpaceError."""
        with space(self.root):
            folder = Path(tempfile.mkdtemp(dir=self.drafts))
        try:
            with (folder / ".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                (folder / "work").mkdir()
                yield folder / "work"
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def alone(self, key: str) -> Iterator[None]:
        """Be the only one, of all processes on this cache, that works on a key."""
        with space(self.root):
            file = (self.root / "locks" / key.partition(":")[2]).open("a")
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def layout(self, name: str, files: dict[str, bytes]) -> Path:
        """A folder with the given files, whole or not at all; one that exists is replaced file by file."""
        folder = self.layouts / name
        with space(self.root):
            folder.mkdir(parents=True, exist_ok=True)
        for path, data in files.items():
            with self.draft() as draft, space(self.root):
                draft.write(data)
                os.fchmod(draft.file.fileno(), 0o644)
                draft.path.replace(folder / path)
        return folder

    def _key(self, key: str) -> Path:
        return self.keys / key.partition(":")[2]

    def _write_key(self, entry: Entry) -> None:
        with self.draft() as draft, space(self.root):
            draft.write(json.dumps(asdict(entry), sort_keys=True).encode())
            draft.path.replace(self._key(entry.key))

    def _drop(self, path: Path, key: str, why: str) -> None:
        _log.warning("the cache entry %s is dropped and made again: %s", key, why)
        path.unlink(missing_ok=True)

    def _reap(self) -> None:
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


class _Whole:
    """A raw file whose `write` writes all, as a full disk shows itself by a short write first."""

    def __init__(self, file: Any) -> None:
        self.file = file

    def fileno(self) -> int:
        return int(self.file.fileno())

    def write(self, data: bytes) -> int:
        left = memoryview(data)
        while left:
            left = left[self.file.write(left) :]
        return len(data)


@contextlib.contextmanager
def space(path: Path) -> Iterator[None]:
    """Turn a disk that is full or may not be written into a SpaceError that names `path`."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        hint = "free some space, `ovenbird cache prune`, or another folder by --cache-dir"
        raise SpaceError(f"cannot write to the cache {str(path)!r}: {error.strerror}", hint=hint) from error
