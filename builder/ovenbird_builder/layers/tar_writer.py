"""Write a deterministic tar, compressed, in one pass: two digests at once, nothing held in memory."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zlib
from collections.abc import Mapping
from typing import IO, Protocol

import zstandard
from msgspec import Struct

from ovenbird.common.text import show_value

from ..errors import LayerError
from . import MTIME

_BLOCK = 512
_CHUNK = 1024 * 1024  # the compressor is always fed pieces of this size, so that its output is the same each time


class Sink(Protocol):
    """Where the compressed bytes go."""

    def write(self, data: bytes) -> object: ...


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


class FileOwner(Struct, frozen=True):
    """Who a folder belongs to, and its mode, where that is not root and 0755."""

    uid: int
    gid: int
    mode: int = 0o755


class TarWriter:
    """A tar on its way into `out`; every entry belongs to root, has one time, and a mode of 0644 or 0755.

    Parents of an entry are added before it, once, with `owners` where a folder has one of its own.
    """

    def __init__(
        self, out: Sink, compression: str, *, mtime: int = MTIME, owners: Mapping[str, FileOwner] | None = None
    ) -> None:
        self._out, self._mtime, self._owners = out, mtime, owners or {}
        self._compressor = make_compressor(compression)
        self._hash, self._buffer = hashlib.sha256(), bytearray()
        self._folders: set[str] = set()
        self._names: set[str] = set()

    def add_folder(self, path: str) -> None:
        """Add a folder and those above it, unless they are there."""
        path = _clean(path)
        if path in self._folders or not path:
            return
        self.add_folder(path.rpartition("/")[0])
        self._folders.add(path)
        owner = self._owners.get(path, FileOwner(0, 0))
        info = self._make_info(path, owner.mode)
        info.type, info.uid, info.gid = tarfile.DIRTYPE, owner.uid, owner.gid
        self._write_header(info)

    def add_file(self, path: str, size: int, content: IO[bytes] | bytes, *, executable: bool = False) -> bytes:
        """Add a file of `size` bytes; the SHA-256 of its content. Errors: LayerError when it has another size."""
        info = self._make_info(self._place(path), 0o755 if executable else 0o644)
        info.size = size
        self._write_header(info)
        if isinstance(content, bytes):
            assert len(content) == size
            self._write(content)
            digest = hashlib.sha256(content).digest()
        else:
            digest = self._copy(path, size, content)
        self._write(b"\0" * (-size % _BLOCK))
        return digest

    def add_link(self, path: str, target: str) -> None:
        """Add a symbolic link."""
        info = self._make_info(self._place(path), 0o777)
        info.type, info.linkname = tarfile.SYMTYPE, target
        self._write_header(info)

    def add_whiteout(self, path: str) -> None:
        """Hide what lies at `path` in the layers below."""
        parent, _, name = _clean(path).rpartition("/")
        self.add_file(f"{parent}/.wh.{name}", 0, b"")

    def add_entry(self, info: tarfile.TarInfo, content: IO[bytes] | None) -> None:
        """Add an entry just as it is, of any type, owner and mode; the caller answers for its order and its parents."""
        self._place(info.name, alone=True)
        self._write_header(info)
        if info.isreg():
            self._copy(info.name, info.size, content or io.BytesIO())
            self._write(b"\0" * (-info.size % _BLOCK))

    def close(self) -> str:
        """End the tar; its digest, uncompressed."""
        self._write(b"\0" * (2 * _BLOCK))
        if self._buffer:
            self._feed(bytes(self._buffer))
        self._out.write(self._compressor.flush())
        return "sha256:" + self._hash.hexdigest()

    def _place(self, path: str, *, alone: bool = False) -> str:
        path = _clean(path)
        if path in self._names:
            raise LayerError(f"{show_value(path)} would be twice in one layer")
        self._names.add(path)
        if not alone:
            self.add_folder(path.rpartition("/")[0])
        return path

    def _make_info(self, path: str, mode: int) -> tarfile.TarInfo:
        info = tarfile.TarInfo(path)
        info.mode, info.mtime, info.uid, info.gid = mode, self._mtime, 0, 0
        return info

    def _write_header(self, info: tarfile.TarInfo) -> None:
        self._write(info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))

    def _copy(self, path: str, size: int, content: IO[bytes]) -> bytes:
        hasher, missing = hashlib.sha256(), size
        while missing:
            data = content.read(min(missing, _CHUNK))
            if not data:
                raise LayerError(f"{show_value(path)} is {missing} bytes shorter than it was")
            hasher.update(data)
            self._write(data)
            missing -= len(data)
        if content.read(1):
            raise LayerError(f"{show_value(path)} is longer than it was: more than {size} bytes")
        return hasher.digest()

    def _write(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= _CHUNK:
            self._feed(bytes(memoryview(self._buffer)[:_CHUNK]))
            del self._buffer[:_CHUNK]

    def _feed(self, data: bytes) -> None:
        self._hash.update(data)
        packed = self._compressor.compress(data)
        if packed:
            self._out.write(packed)


def make_compressor(name: str) -> _Compressor:
    """Return a compressor whose output depends on its input only: one thread, no time, no name."""
    if name == "gzip":
        return _Gzip()
    return zstandard.ZstdCompressor(level=3, write_checksum=True).compressobj()


class _Gzip:
    """A gzip stream with the time 0; `zlib` alone would write the operating system it runs on into the header."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
        self._start: bytes = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
        self._crc, self._size = 0, 0

    def compress(self, data: bytes, /) -> bytes:
        self._crc = zlib.crc32(data, self._crc)
        self._size += len(data)
        start, self._start = self._start, b""
        return start + self._deflate.compress(data)

    def flush(self) -> bytes:
        end = self._crc.to_bytes(4, "little") + (self._size & 0xFFFFFFFF).to_bytes(4, "little")
        start, self._start = self._start, b""
        return start + self._deflate.flush() + end


def _clean(path: str) -> str:
    """Return a path of the image without the leading slash. Errors: LayerError when it tries to leave the image."""
    parts = path.strip("/").split("/")
    if any(part in ("..", ".") or (not part and path.strip("/")) for part in parts) or "\0" in path:
        raise LayerError(f"{show_value(path)} is not a path in an image")
    return "/".join(parts)
