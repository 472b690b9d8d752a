"""A Pipfile: what `[packages]` declares, with the places that it names. Its lock is read by `foreign_locks`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import Struct

from ovenbird.common.text import cut_text, escape_controls, show_value

from ...errors import LockError
from ..requirement_line import RequirementLine, parse_requirement
from .package_sources import PackageSource, has_source, read_source
from .project_file import DeclaredDependencies, check_python, convert_table, read_toml

_NO_MARKERS = ("version", "extras", "markers", "editable", "index", "git", "ref", "path", "file", "subdirectory")


class _Source(Struct, frozen=True):
    """An index that the file names."""

    name: str = ""
    url: str = ""


class _Pipfile(Struct, frozen=True):
    """What counts of a Pipfile."""

    packages: dict[str, Any] = {}
    requires: dict[str, str] = {}
    source: tuple[_Source, ...] = ()


def read_pipfile(path: Path, indexes: tuple[str, ...]) -> DeclaredDependencies:
    """Return the dependencies that a Pipfile declares. Errors: LockError."""
    name = path.name
    document = convert_table(read_toml(path), _Pipfile, name)
    sources = PackageSource(path.parent, indexes, {source.name: source.url for source in document.source})
    rows = document.packages.items()
    requirements = [read_package(key, value, f"{name} [packages] {cut_text(escape_controls(key), 100)}", sources)
              for key, value in rows]  # fmt: skip
    full, short = document.requires.get("python_full_version"), document.requires.get("python_version")
    python = f"=={full}" if full else f"=={short}.*" if short else ""
    return DeclaredDependencies(tuple(requirements), check_python(python, name))


def read_package(name: str, value: Any, where: str, source: PackageSource) -> RequirementLine:
    """Return the requirement of one line: a version, or a table with markers and a place. Errors: LockError."""
    table = {"version": value} if isinstance(value, str) else value
    if not isinstance(table, dict):
        raise LockError(f"{where}: expected a version or a table, found {show_value(str(value))}")
    version, extras = table.get("version", "*"), table.get("extras", [])
    if not isinstance(version, str) or not isinstance(extras, list):
        raise LockError(f"{where}: expected a text as version and a list as extras")
    others = [f"{key} {test}" for key, test in table.items() if key not in _NO_MARKERS and isinstance(test, str)]
    markers = [str(table["markers"])] if table.get("markers") else []  # `sys_platform = "== 'win32'"` is one too
    marker = " and ".join(f"({text})" for text in (*markers, *others))
    brackets = f"[{','.join(map(str, extras))}]" if extras else ""
    words = f"{name}{brackets}{'' if version.strip() == '*' else version}" + (f" ; {marker}" if marker else "")
    plain = parse_requirement(words, where, source.root)
    return read_source(plain, table, where, source) if has_source(table) else plain
