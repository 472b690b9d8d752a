"""What `[tool.uv]` of a pyproject.toml adds to its dependencies: where packages come from, and limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from packaging.utils import canonicalize_name

from ovenbird.common.text import cut_text, escape_controls, show_value

from ...errors import LockError
from ..requirement_line import RequirementLine, parse_requirement
from .package_sources import PackageSource, read_source
from .project_file import DeclaredDependencies, convert_table, read_toml


class _Index(Struct, frozen=True):
    """An index that the project names."""

    name: str = ""
    url: str = ""


class _Workspace(Struct, frozen=True):
    """The projects of a workspace, as patterns of folders."""

    members: tuple[str, ...] = ()


class _Uv(Struct, rename="kebab", frozen=True):
    """What counts of `[tool.uv]`."""

    sources: dict[str, Any] = {}
    index: tuple[_Index, ...] = ()
    workspace: _Workspace = _Workspace()
    constraint_dependencies: tuple[str, ...] = ()
    override_dependencies: tuple[str, ...] = ()


def apply_uv(
    declared: DeclaredDependencies, table: Any, path: Path, extras: set[str], indexes: tuple[str, ...]
) -> DeclaredDependencies:
    """Return the dependencies from where `[tool.uv]` of the file `path` says, with its limits.

    Errors: LockError, also for an index that no flag names and a member of a workspace that is not in the source.
    """
    name, root = path.name, path.parent
    uv = convert_table(table, _Uv, f"{name} [tool.uv]")
    source = PackageSource(
        root, indexes, {index.name: index.url for index in uv.index}, lambda name: _find_member(name, uv, root)
    )
    sources: dict[str, Any] = {canonicalize_name(key): value for key, value in uv.sources.items()}
    requirements: list[RequirementLine] = []
    for line in declared.requirements:
        where = f"{name} [tool.uv.sources] {cut_text(escape_controls(line.name), 100)}"
        requirements += (
            _apply_source(line, sources[line.name], where, extras, source) if line.name in sources else [line]
        )
    limits = [
        parse_requirement(text, f"{name} [tool.uv].constraint-dependencies[{index}]", root)
        for index, text in enumerate(uv.constraint_dependencies)
    ]
    notes = [f"{name}: [tool.uv].override-dependencies is not read"] if uv.override_dependencies else []
    return replace(declared, requirements=tuple(requirements), constraints=tuple(limits), notes=tuple(notes))


def _apply_source(
    line: RequirementLine, value: Any, where: str, extras: set[str], source: PackageSource
) -> list[RequirementLine]:
    """Return a requirement from its sources: one, or one for each that has a marker, beside the plain requirement."""
    tables = value if isinstance(value, list) else [value]
    lines: list[RequirementLine] = []
    for table in tables:
        if not isinstance(table, dict):
            raise LockError(f"{where}: expected a table, found {show_value(str(table))}")
        if table.get("group") or (table.get("extra") and canonicalize_name(str(table["extra"])) not in extras):
            continue
        if not table.get("marker"):
            return [read_source(line, table, where, source)]
        both = f"({line.marker}) and ({table['marker']})" if line.marker else str(table["marker"])
        brackets = f"[{','.join(line.extras)}]" if line.extras else ""
        narrow = parse_requirement(f"{line.name}{brackets} ; {both}", where, source.root)
        lines.append(read_source(narrow, table, where, source))
    return [line, *(narrow for narrow in lines if narrow.origin)]


def _is_relative(pattern: str) -> bool:
    return bool(pattern) and not pattern.startswith("/") and ".." not in pattern.split("/")


def _find_member(name: str, uv: _Uv, root: Path) -> str:
    """Return the folder of a workspace's project, relative to its root; empty if no project has that name."""
    for pattern in uv.workspace.members:
        for folder in sorted(root.glob(pattern)) if _is_relative(pattern) else ():
            path = folder / "pyproject.toml"
            if path.resolve().is_relative_to(root.resolve()) and path.is_file():
                project = read_toml(path).get("project")
                if isinstance(project, dict) and canonicalize_name(str(project.get("name", ""))) == name:
                    return folder.relative_to(root).as_posix()
    return ""
