"""Settle a tree: choose its files, copy or move them to their place with plain modes, and refuse what has none.

Choosing has no effects; so a source that is too large is refused before a byte of it is copied.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from ovenbird.common.source_limits import SourceLimits
from ovenbird.common.text import show_value
from ovenbird.common.units import show_size

from ..errors import SourceMissingError, UnsafeSourceError
from . import build_products, path_rules, symlinks
from .selection import Selection, Verdict, suggest_rule

DOCUMENT_REASON = "the function document, which has a place of its own"
_NAMED = 5  # paths that an error names
_CACHE_TAG = b"Signature: 8a477f597d28d172789f06886806bc55"


class FileEntry(Struct, frozen=True):
    """A file, link or empty folder of a source: its path below the root, its mode, its size in bytes."""

    path: str
    mode: int
    size: int


class Choice(Struct, frozen=True):
    """The entries that belong to a tree, in the order of their paths, and why each other path does not."""

    entries: tuple[FileEntry, ...]
    left_out: Mapping[str, str]


def choose_entries(
    folder: Path, selection: Selection, origin: str, limits: SourceLimits, skip: Mapping[str, str] | None = None
) -> Choice:
    """Choose the entries of `folder` that belong to the tree.

    `skip` holds paths below `folder` that stay out, with all that is in them, and why. What an earlier build has
    written stays out too, as does a folder that is marked as a cache or as a virtual environment.

    Errors: SourceMissingError when there are none; UnsafeSourceError for a special file, a name that an image cannot
    hold, and more than `limits`.
    """
    left_out: dict[str, str] = {}
    entries: list[FileEntry] = []
    size = 0
    for entry in _Walk(skip or {}, left_out, origin).list_entries(folder, "", selection):
        path_rules.check_path(entry.path, origin)
        if not (stat.S_ISREG(entry.mode) or stat.S_ISLNK(entry.mode) or stat.S_ISDIR(entry.mode)):
            raise UnsafeSourceError(
                f"{origin}: {show_value(entry.path)} is neither a file, a folder nor a link",
                hint="leave it out with `.ovenbirdignore`",
            )
        entries.append(entry)
        size += entry.size
        if size > limits.size or len(entries) > limits.files:
            raise _too_large_error(entries, origin, limits)
    if all(stat.S_ISDIR(entry.mode) for entry in entries):
        raise _no_file_error(folder, origin, left_out)
    return Choice(tuple(sorted(entries, key=lambda entry: entry.path.encode())), left_out)


def place_entries(entries: Sequence[FileEntry], folder: Path, target: Path, origin: str, *, move: bool) -> None:
    """Put the entries below the empty folder `target`: files 0644 or 0755, folders 0755, links as they are.

    Errors: UnsafeSourceError for a link that leaves the tree; OSError as it comes.
    """
    folders = {""}
    for entry in entries:
        parent = entry.path.rpartition("/")[0]
        if parent not in folders:
            _make_folders(target, parent, folders)
        source, goal = folder / entry.path, target / entry.path
        if stat.S_ISDIR(entry.mode):
            _make_folders(target, entry.path, folders)
        elif stat.S_ISLNK(entry.mode):
            goal.symlink_to(os.readlink(source))  # noqa: PTH115  # the text as it is
        else:
            if move:
                source.rename(goal)
            else:
                shutil.copyfile(source, goal, follow_symlinks=False)
            goal.chmod(0o755 if entry.mode & 0o100 else 0o644)
    for entry in entries:
        if stat.S_ISLNK(entry.mode):
            symlinks.check_link(target, entry.path, origin)


class _Walk:
    """A walk through a source: what `skip` names, and why, stays out; what else does is added to `left_out`."""

    def __init__(self, skip: Mapping[str, str], left_out: dict[str, str], origin: str) -> None:
        self.skip, self.left_out, self.origin = skip, left_out, origin

    def list_entries(self, folder: Path, path: str, selection: Selection) -> Iterator[FileEntry]:
        """Yield the entries of the source below the folder at `path`."""
        selection = selection.enter(folder, path)
        with os.scandir(folder) as children:
            for entry in sorted(children, key=lambda entry: entry.name):
                below = path + entry.name
                is_folder = entry.is_dir(follow_symlinks=False)
                reason = self.skip.get(below) or _explain_name(path, entry.name)
                verdict = Verdict(reason, enter=False) if reason else selection.judge(below, is_folder=is_folder)
                enter = is_folder and (verdict.enter or not verdict.reason)
                if enter and below.count("/") > path_rules.DEPTH:
                    path_rules.check_path(below, self.origin)
                if enter and (reason := self._explain_folder(folder / entry.name, selection, below, verdict)):
                    self.left_out[below + "/"] = reason
                elif enter:
                    yield from self._enter_folder(entry, below, selection, verdict)
                elif verdict.reason:
                    self.left_out[below + "/" * is_folder] = verdict.reason
                else:
                    yield from self._take_file(entry, below)

    def _explain_folder(self, folder: Path, selection: Selection, path: str, verdict: Verdict) -> str:
        """Return why a folder is not entered, by what is in it; nothing for one that is.

        One that is left out and cannot be read is as it was: nothing that a rule takes back can be seen in it.
        """
        if verdict.reason and path not in selection.tracked_folders and not os.access(folder, os.R_OK | os.X_OK):
            return verdict.reason
        return _explain_folder(folder)

    def _enter_folder(
        self, entry: os.DirEntry[str], path: str, selection: Selection, verdict: Verdict
    ) -> Iterator[FileEntry]:
        if not verdict.reason:
            with os.scandir(entry.path) as children:
                if next(children, None) is None:
                    yield FileEntry(path, entry.stat(follow_symlinks=False).st_mode, 0)
                    return
        yield from self.list_entries(Path(entry.path), path + "/", selection)

    def _take_file(self, entry: os.DirEntry[str], path: str) -> Iterator[FileEntry]:
        status = entry.stat(follow_symlinks=False)
        if stat.S_ISREG(status.st_mode) and (product := build_products.identify_file(Path(entry.path), status.st_size)):
            self.left_out[path] = product
            return
        yield FileEntry(path, status.st_mode, status.st_size)


def _explain_name(path: str, name: str) -> str:
    if name in path_rules.DROPPED:
        return "always"
    return DOCUMENT_REASON if not path and name in path_rules.DOCUMENTS else ""


def _explain_folder(folder: Path) -> str:
    """Return why a folder belongs to this machine and to no image, or ""."""
    if os.path.lexists(folder / "pyvenv.cfg"):
        return "a virtual environment"
    if _is_cache(folder):
        return "a cache, by its CACHEDIR.TAG"
    return build_products.identify_folder(folder)


def _is_cache(folder: Path) -> bool:
    """Return whether a program has marked a folder as its cache (https://bford.info/cachedir/)."""
    try:
        with (folder / "CACHEDIR.TAG").open("rb") as file:
            return file.read(len(_CACHE_TAG)) == _CACHE_TAG
    except OSError:
        return False


def _no_file_error(folder: Path, origin: str, left_out: Mapping[str, str]) -> SourceMissingError:
    """Return the error of a source without a file, which names the rules that leave all of it out."""
    if not left_out:
        return SourceMissingError(f"{origin}: no file is in it")
    rows = [f"{show_value(path)} is left out: {reason}" for path, reason in left_out.items() if reason != "always"]
    more = [f"and {len(rows) - _NAMED} more"] if len(rows) > _NAMED else []
    hint = suggest_rule(left_out.values())
    tags = [path for path in ("", *left_out) if (path == "" or path.endswith("/")) and _is_cache(folder / path)]
    if tags:  # as an earlier `--cache-dir .` has left it, with rules that ignore all
        names = [path + name for path in tags for name in ("CACHEDIR.TAG", ".gitignore")]
        tag_files = [name for name in names if (folder / name).is_file()]
        hint = f"where no cache is, remove what marks it as one: {', '.join(tag_files)}"
    return SourceMissingError("\n  ".join([f"{origin}: no file is in it:", *rows[:_NAMED], *more]), hint=hint)


def _make_folders(target: Path, path: str, folders: set[str]) -> None:
    """Make a folder and those above it, whatever the umask."""
    parts = path.split("/")
    for count in range(1, len(parts) + 1):
        name = "/".join(parts[:count])
        if name not in folders:
            (target / name).mkdir()
            (target / name).chmod(0o755)
            folders.add(name)


def _too_large_error(entries: list[FileEntry], origin: str, limits: SourceLimits) -> UnsafeSourceError:
    sizes: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for entry in entries:
        top = entry.path.partition("/")[0] + ("/" if "/" in entry.path else "")
        sizes[top] += entry.size
        counts[top] += 1
    if sum(sizes.values()) > limits.size:
        excess = f"more than {show_size(limits.size)} of files"
        biggest = ", ".join(f"{name} ({show_size(size)})" for name, size in sizes.most_common(5))
    else:
        excess = f"more than {limits.files} files"
        biggest = ", ".join(f"{name} ({count} files)" for name, count in counts.most_common(5))
    return UnsafeSourceError(
        f"{origin}: the source has {excess}; the biggest so far: {biggest}",
        hint="leave out what the function does not need with `.ovenbirdignore`, or raise `OVENBIRD_SOURCE_LIMIT` "
        "(bytes) or `OVENBIRD_SOURCE_FILES`",
    )
