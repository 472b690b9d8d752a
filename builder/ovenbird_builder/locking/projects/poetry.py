"""Dependencies of a project of Poetry's: `[tool.poetry]` with its constraints (`^1.2`, `~1.2`), extras and places.

poetry-core, which Poetry itself builds with, turns them into requirements: a caret means another range before 1.0, and
`python` and `platform` become markers.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from packaging.utils import canonicalize_name

from ovenbird.common.text import cut_text, escape_controls, show_value

from ...errors import LockError
from ..requirement_line import RequirementLine, parse_requirement
from .package_sources import PackageSource, has_source, read_source
from .project_file import DeclaredDependencies, check_python, convert_table

# what a table may say beside a version; the rest is where the package comes from
_VERSIONED = ("version", "python", "platform", "markers", "extras", "optional", "allow-prereleases")


class _Source(Struct, frozen=True):
    """An index that the project names."""

    name: str
    url: str = ""


class _Poetry(Struct, frozen=True):
    """What counts of `[tool.poetry]`."""

    dependencies: dict[str, Any] = {}
    extras: dict[str, tuple[str, ...]] = {}
    group: dict[str, Any] = {}
    source: tuple[_Source, ...] = ()


def read_poetry(
    table: Any, name: str, extras: Iterable[str], root: Path, indexes: tuple[str, ...]
) -> DeclaredDependencies:
    """Return the dependencies that `[tool.poetry]` of the file `name` declares, with the extras.

    Errors: LockError for an invalid constraint or a missing extra, and those of `read_source`.
    """
    where = f"{name} [tool.poetry]"
    poetry = convert_table(table, _Poetry, where)
    chosen = _list_extra_packages(poetry, extras, name)
    sources = PackageSource(root, indexes, {source.name: source.url for source in poetry.source})
    requirements, python = [], ""
    for key, value in poetry.dependencies.items():
        spot = f"{where}.dependencies {cut_text(escape_controls(key), 100)}"
        if key.lower() == "python":
            python = _parse_python(value, spot)
            continue
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, dict) and entry.get("optional") and canonicalize_name(key) not in chosen:
                continue
            requirements.append(_parse_dependency(key, entry, spot, sources))
    groups = [group for group in poetry.group if group not in ("dev", "test", "docs", "lint")]
    notes = [f"{name}: the groups {', '.join(sorted(groups))} are not used"] if groups else []
    return DeclaredDependencies(tuple(requirements), check_python(python, name), tuple(notes))


def apply_sources(
    declared: DeclaredDependencies, table: Any, path: Path, indexes: tuple[str, ...]
) -> DeclaredDependencies:
    """Return the dependencies of `[project]` from where `[tool.poetry.dependencies]` says. Errors: LockError."""
    poetry = convert_table(table, _Poetry, f"{path.name} [tool.poetry]")
    sources = PackageSource(path.parent, indexes, {source.name: source.url for source in poetry.source})
    tables: dict[str, Any] = {
        canonicalize_name(key): value for key, value in poetry.dependencies.items() if has_source(value)
    }
    where = f"{path.name} [tool.poetry].dependencies"
    requirements = tuple(
        read_source(line, tables[line.name], f"{where} {line.name}", sources) if line.name in tables else line
        for line in declared.requirements
    )
    return replace(declared, requirements=requirements)


def _list_extra_packages(poetry: _Poetry, extras: Iterable[str], name: str) -> set[str]:
    """Return the names of the optional packages that the extras bring."""
    packages_by_extra = {canonicalize_name(key): packages for key, packages in poetry.extras.items()}
    names: set[str] = set()
    for extra in map(canonicalize_name, extras):
        if extra not in packages_by_extra:
            raise LockError(
                f"{name} has no extra {show_value(extra)}: it has {', '.join(sorted(packages_by_extra)) or 'none'}"
            )
        names |= {
            canonicalize_name(package.partition("[")[0].split()[0])
            for package in packages_by_extra[extra]
            if package.strip()
        }
    return names


def _parse_dependency(name: str, value: Any, where: str, source: PackageSource) -> RequirementLine:
    from poetry.core.factory import Factory

    table = value if isinstance(value, dict) else {"version": value}
    versions = {key: table[key] for key in _VERSIONED if key in table}
    versions.setdefault("version", "*")
    try:
        dependency = Factory.create_dependency(name, versions)
        text, constraint = dependency.to_pep_508(with_extras=False), str(dependency.constraint)
    except Exception as error:  # its parser of markers has errors of its own that are not public
        raise LockError(
            f"{where}: not a constraint of Poetry's: {cut_text(escape_controls(str(error)), 200)}"
        ) from None
    if "||" in constraint:
        raise LockError(
            f"{where}: a version of one range or another ({constraint}) cannot be written as a requirement",
            hint="write one range, or use `--requirements FILE`",
        )
    plain = parse_requirement(text, where, source.root)
    return read_source(plain, table, where, source) if has_source(table) else plain


def _parse_python(value: Any, where: str) -> str:
    """Return the versions of Python as a set; empty where they are several ranges, which no set says."""
    from poetry.core.constraints.version import parse_constraint

    text = value.get("version", "*") if isinstance(value, dict) else value
    try:
        constraint = str(parse_constraint(text))
    except Exception as error:  # its parser of markers has errors of its own that are not public
        raise LockError(
            f"{where}: not a constraint of Poetry's: {cut_text(escape_controls(str(error)), 200)}"
        ) from None
    if constraint == "*" or "||" in constraint:
        return ""
    return constraint if constraint[0] in "<>=!" else f"=={constraint}"
