"""A `pylock.toml` (PEP 751): a lock already. Its packages for the target's environment become pins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from packaging.markers import InvalidMarker, Marker
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from ovenbird.common.text import show_value

from ..errors import LockError
from .declared import toml
from .locktext import SELF, Pin


def read(path: Path, environment: dict[str, str]) -> tuple[Pin, ...]:
    """The pins for that environment. Errors: LockError for another version of the format, no hash, or no index."""
    name = path.name
    table = toml(path.read_text(encoding="utf-8"), name)
    version = str(table.get("lock-version") or "")
    if version.partition(".")[0] != "1":
        raise LockError(f"{name}: lock-version {show_value(version or 'missing')} is not known, expected 1.0")
    _python(table.get("requires-python"), name, environment)
    seen: dict[str, Any] = environment | {
        "extras": frozenset(), "dependency_groups": frozenset(table.get("default-groups") or ())
    }  # fmt: skip
    pins: dict[str, Pin] = {}
    for index, package in enumerate(table.get("packages") or ()):
        where = f"{name} packages[{index}]"
        if not isinstance(package, dict) or not isinstance(package.get("name"), str):
            raise LockError(f"{where}: expected a table with a name")
        if not _applies(package.get("marker"), seen, where):
            continue
        pin = _pin(package, f"{where} ({package['name']})")
        if pin.name in pins:
            raise LockError(f"{where}: {pin.name} is there twice for this target")
        pins[pin.name] = pin
    return tuple(pins.values())


def _applies(marker: Any, seen: dict[str, Any], where: str) -> bool:
    if not marker:
        return True
    try:
        return Marker(str(marker)).evaluate(seen, context="lock_file")
    except (InvalidMarker, KeyError, ValueError) as error:
        raise LockError(f"{where}: the marker {show_value(marker)} cannot be read: {error}") from None


def _pin(package: dict[str, Any], where: str) -> Pin:
    for form in ("vcs", "directory", "archive"):
        if form in package:
            raise LockError(f"{where}: a package given as {form} is not followed", hint="name it in requirements.txt")
    files = [*(package.get("wheels") or ()), *([package["sdist"]] if "sdist" in package else [])]
    hashes = []
    for file in files:
        value = (file.get("hashes") or {}).get("sha256") if isinstance(file, dict) else None
        if not isinstance(value, str) or len(value) != 64:
            raise LockError(f"{where}: a file without its SHA-256")
        hashes.append(f"sha256:{value.lower()}")
    version = package.get("version")
    if not hashes or not isinstance(version, str):
        raise LockError(f"{where}: expected a version, and wheels or an sdist")
    return Pin(canonicalize_name(package["name"]), version, tuple(sorted(set(hashes))), "", (SELF,))


def _python(value: Any, name: str, environment: dict[str, str]) -> None:
    if value is None:
        return
    try:
        fits = SpecifierSet(str(value)).contains(environment["python_full_version"], prereleases=True)
    except InvalidSpecifier:
        raise LockError(f"{name}: requires-python is not a set of versions: {show_value(value)}") from None
    if not fits:
        raise LockError(f"{name} is for Python {value}, the base has {environment['python_full_version']}")
