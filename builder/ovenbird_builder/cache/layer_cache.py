"""The cache: blobs, an index of keys, image layouts, shared by every image. Safe for several builders.

    blobs/ drafts/       see `blobs`
    keys/<hex>           which blob a key gave, as JSON
    layouts/<name>/      OCI layouts without blobs of their own
    locks/               files that builders hold locked; resolved locks of dependencies lie in `resolved/`

A key appears after its blob. An entry that does not fit its blob is dropped with a warning, and made again.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import secrets
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from msgspec import MsgspecError, Struct
from msgspec.json import decode
from msgspec.structs import asdict, replace

from ovenbird.common.text import show_value

from ..errors import DiskFullError
from ..host.disk import guard_cache_writes
from ..host.file_locks import hold_lock
from .blobs import BlobStore, PendingBlob
from .layer import Layer

_log = logging.getLogger("ovenbird.cache")
_SALT = 32  # bytes


class CacheEntry(Struct, frozen=True):
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


class LayerCache(BlobStore):
    """A cache below `root`, made when it is missing. Errors: DiskFullError."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.keys, self.layouts = self.root / "keys", self.root / "layouts"
        with guard_cache_writes(self.root):
            for folder in (self.keys, self.layouts, self.root / "locks"):
                folder.mkdir(parents=True, exist_ok=True)
            tag = self.root / "CACHEDIR.TAG"  # https://bford.info/cachedir/: backups leave the folder out
            if not tag.exists():
                tag.write_text("Signature: 8a477f597d28d172789f06886806bc55\n")
            ignore = self.root / ".gitignore"  # a cache within a repository is no part of it
            if not ignore.exists():
                ignore.write_text("*\n")
            self._lock = os.open(self.root / "locks" / "cache", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        self.close = weakref.finalize(self, os.close, self._lock)  # lets others prune; once, at the latest at the end
        fcntl.flock(self._lock, fcntl.LOCK_SH)  # held while this builder lives: nothing is pruned under its hands
        self.reap()

    @contextlib.contextmanager
    def lock_cache(self, timeout: float = 60) -> Iterator[None]:
        """Be the only builder on this cache for a while; waits `timeout` seconds. Errors: DiskFullError."""
        end = time.monotonic() + timeout
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise DiskFullError(
                        f"another builder has used the cache {show_value(str(self.root))} all the time"
                    ) from None
                time.sleep(0.1)
        try:
            yield
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_SH)

    def find(self, key: str) -> CacheEntry | None:
        """Return the entry of a key whose blob is whole: one as it was written is known by its size and time."""
        path = self._locate_key(key)
        try:
            entry = decode(path.read_bytes(), type=CacheEntry)
            if not entry.digest and entry.key == key:
                self._touch(path)
                return entry
            status = self.locate_blob(entry.digest).stat()
        except FileNotFoundError:
            if path.exists():
                self._drop(path, key, "its blob is gone")
            return None
        except (MsgspecError, ValueError, RecursionError, AssertionError):
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
        """Return the layer that a key gave."""
        entry = self.find(key)
        if entry is None:
            return None
        return Layer(key, entry.digest, entry.diff_id, entry.size, entry.media_type, entry.name, cached=True)

    def remember(
        self, key: str, draft: PendingBlob, media_type: str, name: str, diff_id: str = "", note: str = ""
    ) -> CacheEntry:
        """Keep a draft under a key."""
        stamp = self.keep(draft).stat().st_mtime_ns
        entry = CacheEntry(key, draft.digest, draft.size, media_type, name, diff_id, note, stamp)
        self._write_key(entry)
        return entry

    def note(self, key: str, value: Any, name: str = "") -> None:
        """Keep a small value (JSON) under a key."""
        self._write_key(CacheEntry(key, "", 0, "application/json", name, note=json.dumps(value, sort_keys=True)))

    def recall(self, key: str) -> Any:
        """Return the small value under a key, or None."""
        entry = self.find(key)
        if entry is None:
            return None
        try:
            return json.loads(entry.note)
        except (ValueError, RecursionError):
            self._drop(self._locate_key(key), key, "the entry is damaged")
            return None

    def make_layer(self, key: str, name: str, media_type: str, make: Callable[[PendingBlob], str]) -> Layer:
        """Return the layer of a key: found, or made by `make`, which writes to a draft and returns the tar's digest.

        Of several builders that want the same one, the first makes it and the others wait.
        """
        cached_layer = self.find_layer(key)
        if cached_layer:
            return cached_layer
        start = time.monotonic()
        with self.lock_key(key):
            cached_layer = self.find_layer(key)
            if cached_layer:
                return cached_layer
            with self.open_draft() as draft:
                diff_id = make(draft)
                entry = self.remember(key, draft, media_type, name, diff_id)
        seconds = time.monotonic() - start
        return Layer(key, entry.digest, diff_id, entry.size, media_type, name, seconds=seconds)

    @contextlib.contextmanager
    def lock_key(self, key: str) -> Iterator[None]:
        """Be the only one, of all processes on this cache, that works on a key."""
        with contextlib.ExitStack() as stack:
            with guard_cache_writes(self.root):
                stack.enter_context(hold_lock(self.root / "locks" / key.partition(":")[2]))
            yield

    def write_layout(self, name: str, files: dict[str, bytes]) -> Path:
        """Return a folder with the given files, whole or not at all; one that exists is replaced file by file."""
        folder = self.layouts / name
        with guard_cache_writes(self.root):
            folder.mkdir(parents=True, exist_ok=True)
        for path, data in files.items():
            with self.open_draft() as draft, guard_cache_writes(self.root):
                draft.write(data)
                os.fchmod(draft.file.fileno(), 0o644)
                draft.path.replace(folder / path)
        return folder

    def read_salt(self, name: str) -> bytes:
        """Return the secret of this cache in the file `name`, which is made where it is missing.

        Errors: DiskFullError.
        """
        path = self.root / name
        while True:
            try:
                if len(data := path.read_bytes()) == _SALT:
                    return data
                path.unlink(missing_ok=True)
            except FileNotFoundError:
                pass
            with self.open_draft() as draft, guard_cache_writes(self.root), contextlib.suppress(FileExistsError):
                draft.write(secrets.token_bytes(_SALT))
                os.fchmod(draft.file.fileno(), 0o600)
                os.link(draft.path, path)  # fails where another builder was quicker; then its salt counts

    def _locate_key(self, key: str) -> Path:
        return self.keys / key.partition(":")[2]

    def _write_key(self, entry: CacheEntry) -> None:
        with self.open_draft() as draft, guard_cache_writes(self.root):
            draft.write(json.dumps(asdict(entry), sort_keys=True).encode())
            draft.path.replace(self._locate_key(entry.key))

    def _drop(self, path: Path, key: str, why: str) -> None:
        _log.warning("the cache entry %s is dropped and made again: %s", key, why)
        path.unlink(missing_ok=True)
