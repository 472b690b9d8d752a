"""A `pylock.toml` (PEP 751): a lock already. Its packages for the target's environment become pins."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from msgspec import Struct
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version

from ovenbird.common.text import cut_text, escape_controls, show_value

from ..errors import LockError
from .lock_format import SELF, Pin
from .markers import is_marker_true
from .projects.project_file import convert_table, read_toml


class _File(Struct, frozen=True):
    """A wheel or a source distribution."""

    hashes: dict[str, str] = {}


class _Package(Struct, frozen=True):
    """One package; the last three fields are forms that are not followed."""

    name: str
    version: str = ""
    marker: str = ""
    wheels: tuple[_File, ...] = ()
    sdist: _File | None = None
    vcs: Any = None
    directory: Any = None
    archive: Any = None


class _Lock(Struct, rename="kebab", frozen=True):
    """What counts of a lock."""

    requires_python: str = ""
    default_groups: tuple[str, ...] = ()
    packages: tuple[_Package, ...] = ()


def read_pylock(path: Path, environment: dict[str, str]) -> tuple[Pin, ...]:
    """Return the pins for that environment. Errors: LockError for another format, no hash, or no index."""
    name = path.name
    document = read_toml(path)
    version = document.get("lock-version") or "missing"
    if not isinstance(version, str) or version.partition(".")[0] != "1":
        raise LockError(f"{name}: `lock-version` {show_value(version)} is not known, expected 1.0")
    table = convert_table(document, _Lock, name)
    _check_python(table.requires_python, name, environment)
    markers: dict[str, Any] = environment | {
        "extras": frozenset(),
        "dependency_groups": frozenset(table.default_groups),
    }
    pins: dict[str, Pin] = {}
    for index, package in enumerate(table.packages):
        where = f"{name} packages[{index}]"
        if not is_marker_true(package.marker, markers, where, "lock_file"):
            continue
        if _is_project(package.directory):
            continue  # the function's own code: it is the source
        pin = _parse_package(package, f"{where} ({cut_text(escape_controls(package.name), 100)})")
        if pin.name in pins:
            raise LockError(f"{where}: {pin.name} is there twice for this target")
        pins[pin.name] = pin
    return tuple(pins.values())


def _is_project(directory: Any) -> bool:
    """Return whether a package is the project that the lock lies beside, as uv and PDM export it."""
    path = directory.get("path") if isinstance(directory, dict) else None
    return isinstance(path, str) and not directory.get("subdirectory") and posixpath.normpath(path) == "."


def _parse_package(package: _Package, where: str) -> Pin:
    for form in ("vcs", "directory", "archive"):
        if getattr(package, form) is not None:
            raise LockError(
                f"{where}: a package given as {form} is not supported", hint="name it in `requirements.txt`"
            )
    files = [*package.wheels, *([package.sdist] if package.sdist else [])]
    hashes = []
    for file in files:
        value = file.hashes.get("sha256", "")
        if not re.fullmatch(r"[0-9A-Fa-f]{64}", value):
            raise LockError(f"{where}: a file without its SHA-256")
        hashes.append(f"sha256:{value.lower()}")
    if not hashes or not package.version:
        raise LockError(f"{where}: expected a version, and wheels or an sdist")
    try:
        name, version = canonicalize_name(package.name, validate=True), Version(package.version)
    except (InvalidName, InvalidVersion):
        label = f"{show_value(package.name)} {show_value(package.version)}"
        raise LockError(f"{where}: expected the name of a package and a version, found {label}") from None
    return Pin(name, str(version), tuple(sorted(set(hashes))), "", (SELF,))


def _check_python(value: str, name: str, environment: dict[str, str]) -> None:
    try:
        fits = SpecifierSet(value).contains(environment["python_full_version"], prereleases=True)
    except (InvalidSpecifier, ValueError):
        raise LockError(f"{name}: `requires-python` is not a set of versions: {show_value(value)}") from None
    if not fits:
        raise LockError(
            f"{name} is for Python {cut_text(value, 100)}, the base has {environment['python_full_version']}"
        )
