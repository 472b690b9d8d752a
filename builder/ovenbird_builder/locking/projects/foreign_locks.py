"""Locks of other tools beside a project: uv.lock, poetry.lock, pdm.lock, Pipfile.lock.

What a project declares is resolved as ever; its lock limits the versions and the files to those that it names, and
branches of repositories to its commits. So another target, another base and the runtime's ranges are still looked at.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from ovenbird.common.text import cut_text, escape_controls

from ...errors import LockError
from ..requirement_line import RequirementLine, parse_requirement
from ..source_wheels import split_git
from .project_file import convert_table, read_text, read_toml

_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class ProjectLock(Struct, frozen=True):
    """What a lock limits: versions with their hashes, commits by name; `notes` say what of it has no part."""

    path: Path
    pinned: tuple[RequirementLine, ...] = ()
    commits: dict[str, str] = {}
    notes: tuple[str, ...] = ()

    def pin_commit(self, line: RequirementLine) -> RequirementLine:
        """Return a requirement with the commit of this lock, where it names a repository."""
        commit = self.commits.get(line.name)
        if not commit or not line.origin.startswith("git+"):
            return line
        address, _, folder = split_git(line.origin)
        origin = f"{address}@{commit}" + (f"#subdirectory={folder}" if folder else "")
        return replace(line, text=line.text.replace(line.origin, origin, 1), origin=origin)


class _Entry(Struct, frozen=True):
    """One package of any of these locks."""

    name: str
    version: str = ""
    marker: str = ""
    hashes: tuple[str, ...] = ()
    commit: str = ""
    local: bool = False  # the project itself, a folder, an archive: no version of an index


def read_lock(path: Path) -> ProjectLock:
    """Return the limits that another tool's lock sets. Errors: LockError for one that cannot be read."""
    readers = {"uv.lock": _read_uv, "poetry.lock": _read_poetry, "pdm.lock": _read_pdm, "Pipfile.lock": _read_pipfile}
    try:
        entries = list(readers[path.name](path))
    except (AttributeError, TypeError, KeyError, ValueError) as error:  # a table of another kind than these tools write
        reason = cut_text(escape_controls(str(error)), 200)
        raise LockError(f"{path.name} is not as its tool writes it: {reason}") from None
    plain = [entry for entry in entries if entry.version and not entry.local and not entry.commit]
    counts = Counter(entry.name for entry in plain)
    # of several versions without a marker each, only the resolution of their own tool knows which one is meant
    vague = {entry.name for entry in plain if counts[entry.name] > 1 and not entry.marker}
    notes = (
        [f"{path.name} names several versions of {', '.join(sorted(vague))}: none of them is a limit"] if vague else []
    )
    pinned = [_make_constraint(entry, path) for entry in plain if entry.name not in vague]
    commits = {entry.name: entry.commit for entry in entries if _COMMIT.fullmatch(entry.commit)}
    return ProjectLock(path, tuple(pinned), commits, tuple(notes))


def _make_constraint(entry: _Entry, path: Path) -> RequirementLine:
    where = f"{path.name}, {cut_text(escape_controls(entry.name), 100)}"
    try:
        version = Version(entry.version)
    except InvalidVersion as error:
        raise LockError(f"{where}: {cut_text(escape_controls(str(error)), 200)}") from None
    words = f"{entry.name}=={version}" + (f" ; {entry.marker}" if entry.marker else "")
    constraint = parse_requirement(words, where, path.parent)
    return replace(constraint, hashes=tuple(sorted(set(entry.hashes))))


def _read_uv(path: Path) -> Iterator[_Entry]:
    for package in read_toml(path).get("package", ()):
        source = package.get("source", {})
        files = [*package.get("wheels", ()), *([package["sdist"]] if package.get("sdist") else [])]
        yield _Entry(
            canonicalize_name(package["name"]), package.get("version", ""),
            _join_markers(package.get("resolution-markers", ())),
            _filter_hashes(file.get("hash", "") for file in files),
            source.get("git", "").rpartition("#")[2], "registry" not in source and "git" not in source,
        )  # fmt: skip


def _read_poetry(path: Path) -> Iterator[_Entry]:
    document = read_toml(path)
    older = document.get("metadata", {}).get("files", {})  # before Poetry 1.3
    for package in document.get("package", ()):
        source = package.get("source", {})
        files = package.get("files") or older.get(package["name"], ())
        markers = package.get("markers", "")
        marker = markers if isinstance(markers, str) else _join_markers(markers.values())
        yield _Entry(
            canonicalize_name(package["name"]), package.get("version", ""), marker,
            _filter_hashes(file.get("hash", "") for file in files),
            source.get("resolved_reference", "") if source.get("type") == "git" else "",
            source.get("type", "legacy") not in ("legacy", "git"),
        )  # fmt: skip


def _read_pdm(path: Path) -> Iterator[_Entry]:
    document = read_toml(path)
    older = document.get("metadata", {}).get("files", {})  # before version 4.4 of the format
    for package in document.get("package", ()):
        files = package.get("files") or older.get(f"{package['name']} {package.get('version')}", ())
        yield _Entry(
            canonicalize_name(package["name"]), package.get("version", ""), package.get("marker", ""),
            _filter_hashes(file.get("hash", "") for file in files),
            package.get("revision", "") if "git" in package else "",
            "path" in package or "url" in package,
        )  # fmt: skip


def _read_pipfile(path: Path) -> Iterator[_Entry]:
    document = convert_table(json.loads(read_text(path)), dict, path.name)
    for name, package in document.get("default", {}).items():
        yield _Entry(
            canonicalize_name(name), package.get("version", "").removeprefix("=="), package.get("markers", ""),
            _filter_hashes(package.get("hashes", ())), package.get("ref", "") if "git" in package else "",
            "path" in package or "file" in package,
        )  # fmt: skip


def _filter_hashes(values: Iterable[str]) -> tuple[str, ...]:
    """Return the hashes that pins have; none when one is of another kind, as then not all files are known."""
    hashes = tuple(values)
    return hashes if all(_SHA256.fullmatch(value) for value in hashes) else ()


def _join_markers(markers: Iterable[str]) -> str:
    return " or ".join(f"({marker})" for marker in markers if marker)
