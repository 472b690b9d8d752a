"""Find the distributions that a function asks for: in the lock beside it, else in its requirements."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any, NamedTuple

from ..common.named_paths import is_file
from .target import LOCKS, Target

_NAME = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*(==\s*[^\s;,\\]+)?")
_SELF = "the function"  # in a lock of Ovenbird: who asks for it


class WantedPackages(NamedTuple):
    """Normalised names with their versions, empty where none is pinned.

    `source` is the file, or what else they are from, empty where nothing asks for any. `is_locked`: `versions` holds
    all of them, not only the direct ones. `direct` is empty where a lock does not say which ones those are.
    """

    source: str
    versions: dict[str, str]
    direct: frozenset[str]
    is_locked: bool


def normalize_name(name: str) -> str:
    """Return the name of a distribution in its normalised form (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def find_wanted_packages(target: Target) -> WantedPackages:
    """Return what the function asks for. Errors: OSError, UnicodeDecodeError, ValueError for a lock that is malformed.

    In an image the lock lies beside the function document, and that elsewhere than the source.
    """
    document = target.function
    folders = dict.fromkeys([*([document.root] if document else []), target.root])
    for path in (folder / name for name in LOCKS for folder in folders):
        if is_file(path):
            text = path.read_text(encoding="utf-8")
            versions, direct = _read_pylock(text) if path.suffix == ".toml" else _read_pins(text)
            return WantedPackages(str(path), versions, direct, is_locked=True)
    if document and document.requirements:
        return _list_direct("`spec.requirements`", document.requirements)
    for path in (folder / "requirements.txt" for folder in folders):
        if is_file(path):
            return _list_direct(str(path), path.read_text(encoding="utf-8").splitlines())
    return WantedPackages("", {}, frozenset(), is_locked=False)


def _list_direct(source: str, lines: Iterable[str]) -> WantedPackages:
    """Return the distributions that requirements name. Options, paths and URLs without a name are left out."""
    versions = {name: version for line in lines for name, version in _parse_requirement(line)}
    return WantedPackages(source, versions, frozenset(versions), is_locked=False)


def _parse_requirement(line: str) -> Iterator[tuple[str, str]]:
    match = _NAME.match(line)
    if match and "://" not in line.partition("@")[0] and "/" not in line[: match.end() + 1]:
        yield normalize_name(match[1]), (match[2] or "").lstrip("= ")


def _read_pins(text: str) -> tuple[dict[str, str], frozenset[str]]:
    """Return pins and direct ones of a lock in the form of a requirements file, of Ovenbird, pip-tools or uv."""
    versions: dict[str, str] = {}
    direct: set[str] = set()
    name = ""
    for line in text.splitlines():
        word = line.strip()
        if not word.startswith(("#", "-")):
            for name, version in _parse_requirement(word):
                versions[name] = version
        elif name and word.startswith("#"):
            asked_by = word.lstrip("# ").removeprefix("via ").split(",")
            if any(part.strip() == _SELF or part.strip().startswith("-r ") for part in asked_by):
                direct.add(name)
    if not versions and text.strip().strip("\0") and not any(line.startswith("#") for line in text.splitlines()):
        raise ValueError("no line is a pin")
    return versions, frozenset(direct)


def _read_pylock(text: str) -> tuple[dict[str, str], frozenset[str]]:
    """Return the pins of a lock of PEP 751, which does not say which are direct."""
    packages: Any = _parse_toml(text).get("packages", [])
    if not isinstance(packages, list) or not all(isinstance(entry, dict) for entry in packages):
        raise ValueError("`packages` is not an array of tables")
    names = [(entry.get("name"), entry.get("version")) for entry in packages if "directory" not in entry]
    return {normalize_name(str(name)): str(version or "") for name, version in names if name}, frozenset()


def _parse_toml(text: str) -> dict[str, Any]:
    """Return a document of TOML. Errors: ValueError."""
    for name in ("tomllib", "tomli"):  # the latter before Python 3.11
        try:
            document: dict[str, Any] = import_module(name).loads(text)
        except ModuleNotFoundError:
            continue
        return document
    raise ValueError("TOML is read by Python 3.11 and later, or with `tomli` installed")
