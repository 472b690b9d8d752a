"""Unpack an untrusted tar, plain or compressed with gzip, bzip2 or xz. All members are checked before one is written.

The filters of `tarfile` are missing from some of the Pythons that this runs on, have been passed by links, and know
neither bombs nor names that come twice; so only the headers are read by it.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import os
import struct
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from .archive_checks import (
    ArchiveError,
    ArchiveLimits,
    Kind,
    Member,
    check_count,
    check_members,
    check_ratio,
    check_size,
    check_target,
    clean_name,
)
from .text import cut_text, escape_controls, show_value
from .units import show_size

_CHUNK = 256 * 1024
_OVERHEAD = 4096  # bytes of a tar for a member without its content: headers of a long name, padding
_HEADER = 64 * 1024  # of a member: its long name and attributes. `tarfile` reads what is announced, and parses slowly
_DAMAGED = (
    tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, struct.error, ValueError, OverflowError, IndexError,
    KeyError, MemoryError, RecursionError,
)  # fmt: skip
_OPENERS: dict[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file, mode="rb"),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
}


def is_tar(archive: Path) -> bool:
    """Return whether a file begins as a tar does, or as what `extract_tar` can unpack to one."""
    with archive.open("rb") as file:
        start = file.read(tarfile.BLOCKSIZE)
    if any(start.startswith(sign) for sign in _OPENERS):
        return True
    try:
        tarfile.TarInfo.frombuf(start, "utf-8", "surrogateescape")  # compares the header's checksum
    except (tarfile.TarError, ValueError):
        return False
    return True


def extract_tar(
    archive: Path, folder: Path, limits: ArchiveLimits, check_name: Callable[[str], str] = lambda _: ""
) -> list[str]:
    """Unpack a tar into an empty folder; return the paths of its links, whose targets are still to be checked.

    `check_name` returns what else is wrong with a path, or nothing. A hard link becomes a copy of its file. Errors:
    ArchiveError for a file that is not a tar, is damaged or has a forbidden member; OSError of the disk.
    """
    packed = archive.stat().st_size
    try:
        with _open_plain(archive, folder, limits) as plain:
            members = _read_headers(plain, packed, limits)
            rows = [_describe_member(name, info, members) for name, info in members.items()]
            check_members([row for row in rows if row.name != "." or row.kind != "folder"], packed, limits, check_name)
            return _extract(plain, members, folder)
    except _DAMAGED as error:
        reason = escape_controls(cut_text(" ".join(str(error).split()), 300)) or type(error).__name__
        raise ArchiveError(f"is not a tar, or a damaged one: {reason}", "was it downloaded whole?") from None
    except OSError as error:
        if error.errno in (None, errno.EINVAL):  # of gzip or bzip2, or a place before the file; not of the disk
            raise ArchiveError(f"is a damaged tar: {error}", "was it downloaded whole?") from None
        raise


@contextmanager
def _open_plain(archive: Path, folder: Path, limits: ArchiveLimits) -> Iterator[IO[bytes]]:
    """Yield the tar as a seekable file. A compressed one is unpacked to an unnamed file next to `folder`."""
    most = limits.size + limits.files * _OVERHEAD
    with archive.open("rb") as file:
        start = file.read(8)
        file.seek(0)
        opener = next((opener for sign, opener in _OPENERS.items() if start.startswith(sign)), None)
        if opener is None:
            yield file
            return
        packed, written = archive.stat().st_size, 0
        with tempfile.TemporaryFile(dir=folder.absolute().parent) as plain, opener(file) as unpacker:
            while data := unpacker.read(_CHUNK):
                written += len(data)
                if written > most:
                    message = f"unpacks to more than {show_size(limits.size)}"
                    raise ArchiveError(message, limits.hint, unsafe=True)
                check_ratio(written, packed)
                plain.write(data)
            plain.seek(0)
            yield plain


def _read_headers(plain: IO[bytes], packed: int, limits: ArchiveLimits) -> dict[str, tarfile.TarInfo]:
    """Return the members by name, in their order. Errors: ArchiveError for too many, or for a name that comes twice."""
    members: dict[str, tarfile.TarInfo] = {}
    size, end, whole = 0, -1, plain.seek(0, os.SEEK_END)
    plain.seek(0)
    reader: Any = _Headers(plain)
    with tarfile.TarFile(fileobj=reader, mode="r", encoding="utf-8", errors="surrogateescape") as tar:
        while (info := tar.next()) is not None:
            if info.size < 0 or tar.offset <= end:  # a size below zero would lead back to the same header for ever
                raise tarfile.ReadError("a member has a size below zero")
            end = tar.offset
            name = clean_name(info.name)
            if name in members and not (info.isdir() and members[name].isdir()):
                raise ArchiveError(f"{show_value(name)} is in it twice", unsafe=True)
            members[name] = info
            size += info.size
            check_count(len(members), limits)
            if end > whole and size <= limits.size:  # it announces more than it has, as a bomb does
                raise tarfile.ReadError("it is truncated")
            check_size(size, packed, limits)
        # `tarfile` takes a damaged header, and a file that breaks off, for the end
        plain.seek(tar.offset)
        if plain.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("it is truncated")
    return members


def _describe_member(name: str, info: tarfile.TarInfo, members: dict[str, tarfile.TarInfo]) -> Member:
    if info.issym():
        check_target(name, os.fsencode(info.linkname))
        return Member(name, "link", 0)
    if info.islnk():
        origin = members.get(clean_name(info.linkname))
        if origin is None or not _is_file(origin) or origin.offset > info.offset:
            link = f"{show_value(name)} to {show_value(info.linkname)}"
            raise ArchiveError(f"links {link}, which is not a file that comes before it", unsafe=True)
        return Member(name, "file", origin.size)
    kind: Kind = "folder" if info.isdir() else "file" if _is_file(info) else "other"
    return Member(name, kind, info.size)


def _is_file(info: tarfile.TarInfo) -> bool:
    return info.type in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE) and not info.issparse()


def _extract(plain: IO[bytes], members: dict[str, tarfile.TarInfo], folder: Path) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    links: dict[str, str] = {}
    for name, info in members.items():
        goal = folder / name
        if info.isdir():
            goal.mkdir(parents=True, exist_ok=True)
            continue
        goal.parent.mkdir(parents=True, exist_ok=True)
        if info.issym():
            links[name] = info.linkname
            continue
        content = members[clean_name(info.linkname)] if info.islnk() else info
        _copy(plain, content, goal)
        goal.chmod(0o755 if content.mode & 0o100 else 0o644)
    for name, target in links.items():  # last, so that nothing is written through a link
        (folder / name).symlink_to(target)
    return list(links)


def _copy(plain: IO[bytes], info: tarfile.TarInfo, goal: Path) -> None:
    plain.seek(info.offset_data)
    remaining = info.size
    with goal.open("xb") as file:
        while remaining:
            data = plain.read(min(remaining, _CHUNK))
            if not data:
                raise tarfile.ReadError(f"{show_value(info.name)} is truncated")
            remaining -= len(data)
            file.write(data)


class _Headers(io.RawIOBase):
    """A tar of which only headers are read. Errors: ReadError for a header that is larger than any real one."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _HEADER:
            raise tarfile.ReadError("a header is too large")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()
