"""Dependencies that a project declares: `[project]` of a pyproject.toml, and the inline metadata of one file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from packaging.utils import NormalizedName, canonicalize_name

from ovenbird.common.text import show_value

from ...errors import LockError
from ..requirement_line import RequirementLine, add_markers, parse_requirement
from .project_file import DeclaredDependencies, check_python, convert_table, parse_toml, read_toml

_EXTRAS = 1000  # ways in which extras of a project may ask for each other, by their markers
_BLOCK = re.compile(r"(?m)^# /// script[ \t]*\r?$\n(?P<lines>(?:^#(?: .*)?\r?$\n)+?)^# ///[ \t]*\r?$")  # as PEP 723


class _Metadata(Struct, rename="kebab", frozen=True):
    """What counts of `[project]`, and of the inline metadata of a file."""

    name: str = ""
    requires_python: str = ""
    dependencies: tuple[str, ...] = ()
    optional_dependencies: dict[str, tuple[str, ...]] = {}
    dynamic: tuple[str, ...] = ()


def read_pyproject(path: Path, extras: tuple[str, ...], indexes: tuple[str, ...] = ()) -> DeclaredDependencies | None:
    """Return the dependencies of a pyproject.toml with those of the extras; None when it declares none.

    They are those of `[project]`, from where `[tool.uv.sources]` says; else those of `[tool.poetry]`, or of
    `[tool.setuptools.dynamic]`.
    Errors: LockError when they are dynamic, an extra does not exist, or a requirement is malformed.
    """
    name = path.name
    document = read_toml(path)
    tools = document.get("tool")
    tools = tools if isinstance(tools, dict) else {}
    standard = document.get("project")
    poetry = tools.get("poetry")
    if isinstance(poetry, dict) and _is_declared_by_poetry(standard, poetry):
        from .poetry import read_poetry  # and poetry-core, where a project is Poetry's

        declared = read_poetry(poetry, name, extras, path.parent, indexes)
        python = standard.get("requires-python", "") if isinstance(standard, dict) else ""
        return replace(declared, requires_python=check_python(python, name)) if python else declared
    if "project" not in document:
        return None
    table = convert_table(standard, _Metadata, f"{name} [project]")
    if dynamic := _read_dynamic(table, tools, path, extras):
        return dynamic
    if "dependencies" in table.dynamic or (extras and "optional-dependencies" in table.dynamic):
        raise LockError(
            f"{name}: the dependencies are dynamic, so they are known only to its build", hint="`--requirements FILE`"
        )
    dependencies, chosen = _list_with_extras(table, extras, path)
    declared = DeclaredDependencies(tuple(dependencies), check_python(table.requires_python, name))
    if isinstance(tools.get("uv"), dict):
        from .uv import apply_uv

        return apply_uv(declared, tools["uv"], path, chosen, indexes)
    if isinstance(poetry, dict) and "dependencies" in poetry:
        from .poetry import apply_sources

        return apply_sources(declared, poetry, path, indexes)
    return declared


def _list_with_extras(table: _Metadata, extras: tuple[str, ...], path: Path) -> tuple[list[RequirementLine], set[str]]:
    """Return the dependencies of `[project]` with those of the extras, and the extras that these ask for, too.

    Errors: LockError for an extra that does not exist.
    """
    groups = {canonicalize_name(key): rows for key, rows in table.optional_dependencies.items()}
    own, name = canonicalize_name(table.name), path.name
    dependencies = _parse_rows(table.dependencies, f"{name} [project].dependencies", path.parent)
    todo: list[tuple[NormalizedName, frozenset[str]]] = [(canonicalize_name(extra), frozenset()) for extra in extras]
    expanded: set[tuple[str, frozenset[str]]] = set()
    while todo:
        extra, markers = todo.pop(0)
        if (extra, markers) in expanded:
            continue
        expanded.add((extra, markers))
        if len(expanded) > _EXTRAS:
            raise LockError(f"{name}: the extras ask for each other in more than {_EXTRAS} ways")
        if extra not in groups:
            raise LockError(f"{name} has no extra {show_value(extra)}: it has {', '.join(sorted(groups)) or 'none'}")
        for line in _parse_rows(groups[extra], f"{name} extra {extra}", path.parent):
            if line.name == own:  # an extra that is made of others: `all = ["app[web,db]"]`
                more = markers | ({line.marker} if line.marker else set())
                todo += [(canonicalize_name(inner), more) for inner in line.extras]
            else:
                dependencies.append(add_markers(line, markers))
    return dependencies, {extra for extra, _ in expanded}


def _is_declared_by_poetry(standard: Any, poetry: dict[str, Any]) -> bool:
    """Return whether Poetry's own table declares the dependencies: where `[project]` does not, as Poetry has it."""
    return not isinstance(standard, dict) or ("dependencies" not in standard and "dependencies" in poetry)


def _read_dynamic(
    table: _Metadata, tools: dict[str, Any], path: Path, extras: tuple[str, ...]
) -> DeclaredDependencies | None:
    """Return the dynamic dependencies that setuptools takes from files, setup.cfg or setup.py; None for other tools."""
    setuptools = tools.get("setuptools")
    dynamic = setuptools.get("dynamic") if isinstance(setuptools, dict) else None
    field = dynamic.get("dependencies") if isinstance(dynamic, dict) else None
    if "dependencies" not in table.dynamic:
        return None
    from .setuptools import read_dynamic, read_setup_cfg, read_setup_py

    if isinstance(field, dict) and "file" in field and not extras:
        dependencies = read_dynamic(field["file"], path, "[tool.setuptools.dynamic].dependencies")
    else:
        readers = {read_setup_cfg: path.with_name("setup.cfg"), read_setup_py: path.with_name("setup.py")}
        either = (read(file, extras) for read, file in readers.items() if file.is_file())
        dependencies = next(
            (declared for declared in either if declared and not declared.notes), DeclaredDependencies(())
        )
    if not dependencies.requirements:
        return None
    return replace(
        dependencies, requires_python=check_python(table.requires_python, path.name) or dependencies.requires_python
    )


def read_inline_metadata(text: str, name: str, root: Path) -> DeclaredDependencies | None:
    """Return the dependencies in the inline metadata of a file (PEP 723); None when it has none.

    Errors: LockError when there are two blocks, or what they hold is malformed.
    """
    blocks = list(_BLOCK.finditer(text.replace("\r\n", "\n")))
    if not blocks:
        return None
    if len(blocks) > 1:
        raise LockError(f"{name} holds two blocks of inline metadata (`# /// script`)")
    content = "".join(
        line[2:] if line.startswith("# ") else line[1:] for line in blocks[0]["lines"].splitlines(keepends=True)
    )
    label = f"the inline metadata of {name}"
    table = convert_table(parse_toml(content, label), _Metadata, label)
    dependencies = _parse_rows(table.dependencies, f"inline metadata of {name}, dependencies", root)
    return DeclaredDependencies(tuple(dependencies), check_python(table.requires_python, name))


def _parse_rows(rows: Iterable[str], where: str, root: Path) -> list[RequirementLine]:
    return [parse_requirement(row, f"{where}[{index}]", root) for index, row in enumerate(rows)]
