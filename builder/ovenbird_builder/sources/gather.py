"""Settle a tree: choose its files, copy or move them to their place with plain modes, and refuse what has none.

Choosing has no effects; so a source that is too large is refused before a byte of it is copied.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from ovenbird.common.source_limits import SourceLimits
from ovenbird.common.text import show_value
from ovenbird.common.units import show_size

from ..errors import SourceMissingError, UnsafeSourceError
from . import links, names
from .ignore import Rules, outer

_CACHE_TAG = b"Signature: 8a477f597d28d172789f06886806bc55"


class Entry(Struct, frozen=True):
    """A file or link of a source: its path below the root, its mode, its size in bytes."""

    path: str
    mode: int
    size: int


def choose(
    folder: Path, ignore: tuple[str, ...], origin: str, limits: SourceLimits, skip: frozenset[str] = frozenset()
) -> list[Entry]:
    """The entries of `folder` that belong to the tree, in the order of their paths.

    `skip` holds paths below `folder` that stay out, with all that is in them. A folder that is marked as a cache or as
    a virtual environment stays out too.

    Errors: SourceMissingError when there are none; UnsafeSourceError for a special file, a name that an image cannot
    hold, and more than `limits`.
    """
    rules, prefix = outer(folder) if ".gitignore" in ignore else (Rules(ignore), "")
    found: list[Entry] = []
    size = 0
    for entry in _walk(folder, "", rules, prefix, skip, origin):
        names.check(entry.path, origin)
        if not (stat.S_ISREG(entry.mode) or stat.S_ISLNK(entry.mode)):
            raise UnsafeSourceError(
                f"{origin}: {show_value(entry.path)} is neither a file, a folder nor a link",
                hint="leave it out with .ovenbirdignore",
            )
        found.append(entry)
        size += entry.size
        if size > limits.size or len(found) > limits.files:
            raise _too_large(found, origin, limits)
    if not found:
        raise SourceMissingError(f"{origin}: no file is in it", hint="is all of it ignored?")
    return sorted(found, key=lambda entry: entry.path.encode())


def place(entries: list[Entry], folder: Path, target: Path, origin: str, *, move: bool) -> None:
    """Put the entries below the empty folder `target`: files 0644 or 0755, folders 0755, links as they are.

    Errors: UnsafeSourceError for a link that leaves the tree; OSError as it comes.
    """
    made = {""}
    for entry in entries:
        parent = entry.path.rpartition("/")[0]
        if parent not in made:
            _folders(target, parent, made)
        source, goal = folder / entry.path, target / entry.path
        if stat.S_ISLNK(entry.mode):
            goal.symlink_to(os.readlink(source))  # noqa: PTH115  # the text as it is
        else:
            if move:
                source.rename(goal)
            else:
                shutil.copyfile(source, goal, follow_symlinks=False)
            goal.chmod(0o755 if entry.mode & 0o100 else 0o644)
    for entry in entries:
        if stat.S_ISLNK(entry.mode):
            links.check(target, entry.path, origin)


def _walk(folder: Path, path: str, rules: Rules, prefix: str, skip: frozenset[str], origin: str) -> Iterator[Entry]:
    rules = rules.below(folder, prefix + path)
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda found: found.name):
            below = path + entry.name
            is_folder = entry.is_dir(follow_symlinks=False)
            if entry.name in names.DROPPED or rules.ignores(prefix + below + "/" * is_folder):
                continue
            if below in skip or (not path and entry.name in names.DOCUMENTS):
                continue
            if is_folder:
                if below.count("/") > names.DEPTH:
                    names.check(below, origin)
                place = folder / entry.name
                if not (place / "pyvenv.cfg").exists() and not _is_cache(place):  # they belong to this machine
                    yield from _walk(place, below + "/", rules, prefix, skip, origin)
                continue
            status = entry.stat(follow_symlinks=False)
            yield Entry(below, status.st_mode, status.st_size)


def _is_cache(folder: Path) -> bool:
    """Return whether a program has marked a folder as its cache (https://bford.info/cachedir/)."""
    try:
        with (folder / "CACHEDIR.TAG").open("rb") as file:
            return file.read(len(_CACHE_TAG)) == _CACHE_TAG
    except OSError:
        return False


def _folders(target: Path, path: str, made: set[str]) -> None:
    """Make a folder and those above it, whatever the umask."""
    parts = path.split("/")
    for count in range(1, len(parts) + 1):
        name = "/".join(parts[:count])
        if name not in made:
            (target / name).mkdir()
            (target / name).chmod(0o755)
            made.add(name)


def _too_large(entries: list[Entry], origin: str, limits: SourceLimits) -> UnsafeSourceError:
    sizes: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for entry in entries:
        top = entry.path.partition("/")[0] + ("/" if "/" in entry.path else "")
        sizes[top] += entry.size
        counts[top] += 1
    if sum(sizes.values()) > limits.size:
        what = f"more than {show_size(limits.size)} of files"
        biggest = ", ".join(f"{name} ({show_size(size)})" for name, size in sizes.most_common(5))
    else:
        what = f"more than {limits.files} files"
        biggest = ", ".join(f"{name} ({count} files)" for name, count in counts.most_common(5))
    return UnsafeSourceError(
        f"{origin}: the source has {what}; the biggest so far: {biggest}",
        hint="leave out what the function does not need with .ovenbirdignore, or raise OVENBIRD_SOURCE_LIMIT "
        "(bytes) or OVENBIRD_SOURCE_FILES",
    )
