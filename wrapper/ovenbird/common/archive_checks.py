"""Checks of an untrusted archive of any format, made before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from .text import show_value
from .tree_names import describe_problem
from .units import show_size

RATIO = 200  # unpacked size by packed size; text and code reach 20
RATIO_FROM = 32 * 1024 * 1024  # bytes below which the ratio is not checked

_LINK = 4000  # bytes of a link's target

Kind = Literal["file", "folder", "link", "other"]


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """Limits of an archive: unpacked bytes, number of members, and the hints for errors about them."""

    size: int
    files: int
    hint: str = ""


class ArchiveError(Exception):
    """Why an archive was not unpacked, and a hint. `unsafe`: it is not damaged, but holds what must not be written."""

    def __init__(self, message: str, hint: str = "", *, unsafe: bool = False) -> None:
        super().__init__(message)
        self.message, self.hint, self.unsafe = message, hint, unsafe


@dataclass(frozen=True, slots=True)
class Member:
    """One member: its path as `clean_name` returns it, its kind, and its unpacked size in bytes."""

    name: str
    kind: Kind
    size: int


def clean_name(name: str) -> str:
    """Return a member's name without a leading `./` and without the trailing slash of a folder.

    The folder itself is `.`. An absolute name, or one that leaves it, is kept, and `check_members` refuses it.
    """
    parts = [part for part in name.removesuffix("/").split("/") if part != "."]
    return "/".join(parts) if parts else "."


def check_members(
    members: Sequence[Member], packed: int, limits: ArchiveLimits, check_name: Callable[[str], str]
) -> None:
    """Refuse an archive of `packed` bytes for its number of members, its size, or a name. Errors: ArchiveError.

    `check_name` returns what else is wrong with a path, or nothing.
    """
    check_count(len(members), limits)
    check_size(sum(member.size for member in members), packed, limits)
    files: set[str] = set()
    for member in members:
        if problem := describe_problem(member.name) or check_name(member.name):
            raise ArchiveError(f"the name {show_value(member.name)} {problem}", "nothing was kept", unsafe=True)
        if member.kind == "other":
            raise ArchiveError(f"{show_value(member.name)} is neither a file, a folder nor a link", unsafe=True)
        if member.kind != "folder":
            if member.name in files:
                raise ArchiveError(f"{show_value(member.name)} is in it twice", unsafe=True)
            files.add(member.name)
    for member in members:
        parts = member.name.split("/")
        for count in range(1, len(parts) + (member.kind == "folder")):
            if "/".join(parts[:count]) in files:
                raise ArchiveError(f"{show_value('/'.join(parts[:count]))} is both a file and a folder", unsafe=True)


def check_count(count: int, limits: ArchiveLimits) -> None:
    """Refuse too many members. Errors: ArchiveError."""
    if count > limits.files:
        raise ArchiveError(f"has {count} members, more than {limits.files}", limits.hint, unsafe=True)


def check_size(size: int, packed: int, limits: ArchiveLimits) -> None:
    """Refuse a too large unpacked size or ratio. Members may overlap, so `packed` is the size of the file."""
    if size > limits.size:
        message = f"unpacks to {show_size(size)}, more than {show_size(limits.size)}"
        raise ArchiveError(message, limits.hint, unsafe=True)
    check_ratio(size, packed)


def check_ratio(size: int, packed: int) -> None:
    """Refuse the ratio of a decompression bomb. Errors: ArchiveError."""
    if size > RATIO_FROM and size > RATIO * packed:
        raise ArchiveError(
            f"expands from {show_size(packed)} to {show_size(size)}, rejected as a decompression bomb", unsafe=True
        )


def check_target_size(name: str, size: int) -> None:
    """Refuse a link whose target has more bytes than a path may have. Errors: ArchiveError."""
    if size > _LINK:
        raise ArchiveError(f"the target of the link {show_value(name)} is too long", unsafe=True)


def check_target(name: str, target: bytes) -> str:
    """Return where a link leads to, as text. Errors: ArchiveError; UnicodeDecodeError."""
    check_target_size(name, len(target))
    if not target or b"\0" in target:
        raise ArchiveError(f"the link {show_value(name)} leads nowhere", unsafe=True)
    return target.decode()
