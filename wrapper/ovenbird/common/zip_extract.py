"""Unpack an untrusted zip, for a run and for a build. Every member is checked before anything is written.

`zipfile.extractall` writes through links, takes a name twice, and knows no bombs.
"""

from __future__ import annotations

import bz2
import errno
import lzma
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from .archive_checks import (
    ArchiveError,
    ArchiveLimits,
    Kind,
    Member,
    check_count,
    check_members,
    check_target,
    check_target_size,
    clean_name,
)
from .text import cut_text, escape_controls, show_value

_CHUNK = 256 * 1024
# `zipfile` lets LZMA and Zstandard unpack at once whatever they are given, by a factor of up to 30,000
_SMALL_CHUNK = 4096
_HEADER = struct.Struct("<4s22xHH")  # of a member: its signature, the length of its name and of what follows that
# what `zipfile` and the decompressors raise for damaged archives; a MemoryError is a dictionary of 4 GiB
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, ValueError, OverflowError, IndexError,
    KeyError, MemoryError, RuntimeError,
)  # fmt: skip


def extract_zip(
    archive: Path, folder: Path, limits: ArchiveLimits, check_name: Callable[[str], str] = lambda _: ""
) -> list[str]:
    """Unpack a zip into an empty folder; return the paths of its links, whose targets are still to be checked.

    `check_name` returns what else is wrong with a path, or nothing.
    Errors: ArchiveError for a file that is not a zip, is damaged or has a forbidden member; OSError of the disk.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = opened.infolist()
            _check_directory(members, archive.stat().st_size, limits, check_name)
            return _extract(opened, members, folder, archive)
    except NotImplementedError as error:  # before RuntimeError, which it is
        raise ArchiveError(f"cannot be unpacked: {_one_line(error)}", "zip it with deflate") from None
    except _DAMAGED as error:
        reason = _one_line(error) or type(error).__name__
        raise ArchiveError(f"is not a zip, or a damaged one: {reason}", "was it downloaded whole?") from None
    except OSError as error:
        if error.errno in (None, errno.EINVAL):  # of bz2 or Zstandard, or a place before the file; not of the disk
            raise ArchiveError(f"is a damaged zip: {_one_line(error)}", "was it downloaded whole?") from None
        raise
    except Exception as error:
        if type(error).__name__ == "ZstdError":  # Python 3.14
            raise ArchiveError(f"is a damaged zip: {_one_line(error)}", "was it downloaded whole?") from None
        raise


def _check_directory(
    members: list[zipfile.ZipInfo], packed: int, limits: ArchiveLimits, check_name: Callable[[str], str]
) -> None:
    """Refuse an archive by its directory, before anything is written. Errors: ArchiveError."""
    check_count(len(members), limits)
    rows = [Member(_read_name(member), _find_kind(member), member.file_size) for member in members]
    for member, row in zip(members, rows, strict=True):
        if member.flag_bits & 0x41:  # encrypted, or so by the newer way
            raise ArchiveError(f"{show_value(row.name)} is encrypted", "zip it without a password", unsafe=True)
    check_members([row for row in rows if row.name != "." or row.kind != "folder"], packed, limits, check_name)


def _extract(opened: zipfile.ZipFile, members: list[zipfile.ZipInfo], folder: Path, archive: Path) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    links: dict[str, str] = {}
    for member in members:
        name, mode = _read_name(member), member.external_attr >> 16
        goal = folder / name
        if _is_folder(member):
            goal.mkdir(parents=True, exist_ok=True)
            continue
        goal.parent.mkdir(parents=True, exist_ok=True)
        if stat.S_ISLNK(mode):
            links[name] = _read_link_target(opened, member, archive)
            continue
        with goal.open("xb") as write:
            _copy(opened, member, archive, write.write)
        goal.chmod(0o755 if mode & 0o100 else 0o644)
    for name, target in links.items():  # last, so that nothing is written through a link
        (folder / name).symlink_to(target)
    return list(links)


def _copy(opened: zipfile.ZipFile, member: zipfile.ZipInfo, archive: Path, write: Callable[[bytes], object]) -> None:
    """Unpack one member, in bounded memory. Errors: BadZipFile when it has another size than its directory says."""
    written = 0
    bzip2 = member.compress_type == zipfile.ZIP_BZIP2
    for data in _iterate_bzip2_blocks(member, archive) if bzip2 else _iterate_blocks(opened, member):
        written += len(data)
        if written > member.file_size:
            break
        write(data)
    if written != member.file_size:
        announced = f"and not the {member.file_size} bytes announced"
        raise zipfile.BadZipFile(f"{member.orig_filename!a} holds {written}, {announced}")


def _iterate_blocks(opened: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield the content of a member in blocks; its checksum is compared at the end."""
    plain = member.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    with opened.open(member) as read:
        assert isinstance(read, zipfile.ZipExtFile)
        while data := read.read1(_CHUNK if plain else _SMALL_CHUNK):
            yield data


def _iterate_bzip2_blocks(member: zipfile.ZipInfo, archive: Path) -> Iterator[bytes]:
    """Yield the content of a bzip2 member in blocks: `zipfile` would unpack 4 KiB of it to gigabytes at once."""
    unpacker, checksum, remaining = bz2.BZ2Decompressor(), 0, member.compress_size
    with archive.open("rb") as file:
        file.seek(member.header_offset)
        header = file.read(_HEADER.size)
        sign, name, extra = _HEADER.unpack(header)
        if sign != b"PK\x03\x04":
            raise zipfile.BadZipFile(f"{member.orig_filename!a} does not begin where the directory says")
        file.seek(name + extra, os.SEEK_CUR)
        while not unpacker.eof:
            packed = b""
            if unpacker.needs_input:
                packed = file.read(min(remaining, _CHUNK))
                remaining -= len(packed)
                if not packed:
                    raise EOFError("a member ends too early")
            data = unpacker.decompress(packed, _CHUNK)
            checksum = zlib.crc32(data, checksum)
            yield data
    if checksum != member.CRC:
        raise zipfile.BadZipFile(f"Bad CRC-32 for file {member.orig_filename!a}")


def _read_link_target(opened: zipfile.ZipFile, member: zipfile.ZipInfo, archive: Path) -> str:
    check_target_size(_read_name(member), member.file_size)
    parts: list[bytes] = []
    _copy(opened, member, archive, parts.append)
    return check_target(_read_name(member), b"".join(parts))


def _read_name(member: zipfile.ZipInfo) -> str:
    """Return the path of a member: `filename` is cut at a NUL, and its slashes may be made up.

    Packers of Windows write backslashes, against the rules of zip; no other system has them in the names of sources.
    """
    return clean_name(member.orig_filename.replace("\\", "/"))


def _find_kind(member: zipfile.ZipInfo) -> Kind:
    if _is_folder(member):
        return "folder"
    mode = stat.S_IFMT(member.external_attr >> 16)
    return "link" if mode == stat.S_IFLNK else "file" if mode in (0, stat.S_IFREG) else "other"


def _is_folder(member: zipfile.ZipInfo) -> bool:
    if member.orig_filename.endswith(("/", "\\")):  # `is_dir` fails for an empty name
        return True
    return stat.S_ISDIR(member.external_attr >> 16) and not member.file_size


def _one_line(error: BaseException) -> str:
    return escape_controls(cut_text(" ".join(str(error).split()), 300))
