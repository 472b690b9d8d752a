"""Unpack a zip, each member checked first: `zipfile.extractall` writes through links, and knows no bombs."""

from __future__ import annotations

import lzma
import shutil
import stat
import zipfile
import zlib
from pathlib import Path

from ovenbird.common.text import show_value

from ..errors import SourceError, UnsafeSourceError
from . import names
from .limits import RATIO, RATIO_FROM, Limits, told

_CHUNK = 1024 * 1024
_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, OverflowError)


def unpack(archive: Path, folder: Path, origin: str, limits: Limits) -> None:
    """Unpack a zip into an empty folder. `origin` names it in errors.

    Errors: SourceError for a file that is no zip or is damaged; UnsafeSourceError for a member that leaves the
    folder, is no file, folder or link, comes twice, is encrypted, or makes the whole too large.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = opened.infolist()
            _check(members, archive.stat().st_size, origin, limits)
            _extract(opened, members, folder, origin)
    except UnsafeSourceError:
        raise
    except NotImplementedError as error:
        raise SourceError(f"{origin}: cannot be unpacked: {error}", hint="zip it with deflate") from None
    except _DAMAGED as error:
        raise SourceError(
            f"{origin}: is not a zip, or a damaged one: {error}", hint="was it downloaded whole?"
        ) from None


def _check(members: list[zipfile.ZipInfo], packed: int, origin: str, limits: Limits) -> None:
    """Refuse an archive by what its directory says, before anything is written."""
    total = sum(member.file_size for member in members)
    if len(members) > limits.files:
        raise UnsafeSourceError(f"{origin}: has {len(members)} members, more than {limits.files}")
    if total > limits.size:
        raise UnsafeSourceError(
            f"{origin}: unpacks to {told(total)}, more than {told(limits.size)}", hint="OVENBIRD_SOURCE_LIMIT"
        )
    # Against the size of the file, not of the members: members may overlap.
    if total > RATIO_FROM and total > RATIO * packed:
        raise UnsafeSourceError(f"{origin}: unpacks from {told(packed)} to {told(total)}, as a bomb does")
    files: set[str] = set()
    for member in members:
        name = names.check_member(member.orig_filename.removesuffix("/"), origin)
        kind = stat.S_IFMT(member.external_attr >> 16)
        if member.flag_bits & 0x1:
            raise UnsafeSourceError(f"{origin}: {show_value(name)} is encrypted", hint="zip it without a password")
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
            raise UnsafeSourceError(f"{origin}: {show_value(name)} is neither a file, a folder nor a link")
        if not member.is_dir():
            if name in files:
                raise UnsafeSourceError(f"{origin}: {show_value(name)} is in it twice")
            files.add(name)
    for member in members:
        parts = member.orig_filename.rstrip("/").split("/")
        above = parts if member.is_dir() else parts[:-1]
        for count in range(1, len(above) + 1):
            if "/".join(above[:count]) in files:
                raise UnsafeSourceError(f"{origin}: {show_value('/'.join(above[:count]))} is both a file and a folder")


def _extract(opened: zipfile.ZipFile, members: list[zipfile.ZipInfo], folder: Path, origin: str) -> None:
    later: list[tuple[Path, str]] = []
    for member in members:
        goal = folder / member.orig_filename.rstrip("/")
        if member.is_dir():
            continue  # folders come with their files
        goal.parent.mkdir(parents=True, exist_ok=True)
        mode = member.external_attr >> 16
        if stat.S_ISLNK(mode):
            if member.file_size > 4000:
                raise UnsafeSourceError(
                    f"{origin}: the target of the link {show_value(member.orig_filename)} is too long"
                )
            later.append((goal, opened.read(member).decode()))
            continue
        with opened.open(member) as read, goal.open("xb") as write:
            shutil.copyfileobj(read, write, _CHUNK)
        goal.chmod(0o755 if mode & 0o100 else 0o644)
    for goal, target in later:  # last, so that nothing is written through a link
        if not target or "\0" in target:
            raise UnsafeSourceError(f"{origin}: the link {show_value(goal.name)} leads nowhere")
        goal.symlink_to(target)
