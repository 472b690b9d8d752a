"""Dependencies that setup.cfg and setup.py name, read without running anything of the project."""

from __future__ import annotations

import ast
import configparser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from ovenbird.common.text import cut_text, escape_controls, show_value

from ...errors import LockError
from ..requirement_line import RequirementLine, parse_requirement
from ..requirements_file import read_requirements
from .project_file import DeclaredDependencies, check_python, read_text

_DYNAMIC = "`--requirements FILE`, or a requirement `.`, which builds the project"
_FIELDS = ("install_requires", "extras_require", "python_requires")


def read_setup_cfg(path: Path, extras: Iterable[str]) -> DeclaredDependencies | None:
    """Return the dependencies that `[options]` of a setup.cfg declares; None when it names none.

    Errors: LockError for a file or a requirement that is malformed, and for an extra that does not exist.
    """
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    try:
        parser.read_string(read_text(path))
    except configparser.Error as error:
        raise LockError(f"{path.name} cannot be read: {cut_text(escape_controls(str(error)), 300)}") from None
    options = dict(parser["options"]) if parser.has_section("options") else {}
    groups = dict(parser["options.extras_require"]) if parser.has_section("options.extras_require") else {}
    if "install_requires" not in options and not groups:
        return None
    requirements = _parse_field(options.get("install_requires", ""), path, "install_requires")
    for extra in extras:
        requirements += _parse_field(_find_extra(groups, extra, path.name), path, f"extra {extra}")
    return DeclaredDependencies(tuple(requirements), check_python(options.get("python_requires", ""), path.name))


def read_setup_py(path: Path, extras: Iterable[str]) -> DeclaredDependencies | None:
    """Return the dependencies that the call of `setup` in a setup.py has as literals; None when it names none.

    What it computes is known to a build of it only: a note says so. Errors: as `read_setup_cfg`.
    """
    name = path.name
    try:
        module = ast.parse(read_text(path))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return DeclaredDependencies((), "", (f"{name} is not read: {cut_text(escape_controls(str(error)), 200)}",))
    fields, computed = _read_literals(module)
    if computed:
        fields_computed = " and ".join(sorted(computed))
        return DeclaredDependencies(
            (), "", (f"{name} computes {fields_computed}, so what it needs is not read: {_DYNAMIC}",)
        )
    if "install_requires" not in fields and not fields.get("extras_require"):
        return None
    requirements = _parse_rows(fields.get("install_requires") or (), path, "install_requires")
    groups = fields.get("extras_require") or {}
    if not isinstance(groups, dict):
        raise LockError(f"{name}: extras_require: expected a dict, found {show_value(str(groups))}")
    for extra in extras:
        requirements += _parse_rows(_find_extra(groups, extra, name), path, f"extra {extra}")
    return DeclaredDependencies(tuple(requirements), check_python(str(fields.get("python_requires") or ""), name))


def read_dynamic(files: Any, path: Path, label: str) -> DeclaredDependencies:
    """Return the requirements in the files of `[tool.setuptools.dynamic]`. Errors: LockError."""
    names = [files] if isinstance(files, str) else files
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise LockError(f"{path.name} {label}: expected the names of files, found {show_value(str(files))}")
    return DeclaredDependencies(tuple(_read_files(names, path, label)))


def _read_literals(module: ast.Module) -> tuple[dict[str, Any], set[str]]:
    """Return the fields of `setup(...)` that are literals or names of such, and the names of those that are not."""
    names = {
        target.id: node.value
        for node in module.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    fields: dict[str, Any] = {}
    computed = set()
    for call in ast.walk(module):
        if not isinstance(call, ast.Call) or not ast.unparse(call.func).endswith("setup"):
            continue
        for keyword in call.keywords:
            if keyword.arg in _FIELDS:
                value = keyword.value
                value = names.get(value.id, value) if isinstance(value, ast.Name) else value
                try:
                    fields[keyword.arg] = ast.literal_eval(value)
                except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
                    computed.add(keyword.arg)
            elif keyword.arg is None:
                computed.add("the arguments of setup()")
    return fields, computed


def _find_extra(groups: dict[str, Any], extra: str, name: str) -> Any:
    values = {canonicalize_name(key): value for key, value in groups.items()}
    if canonicalize_name(extra) not in values:
        raise LockError(f"{name} has no extra {show_value(extra)}: it has {', '.join(sorted(values)) or 'none'}")
    return values[canonicalize_name(extra)]


def _parse_field(text: str, path: Path, label: str) -> list[RequirementLine]:
    """Return the requirements of a field of setup.cfg: lines, words between `;`, or `file: NAME, NAME`."""
    if text.strip().startswith("file:"):
        names = text.strip().removeprefix("file:").replace("\n", ",").split(",")
        return _read_files([name.strip() for name in names if name.strip()], path, label)
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    return _parse_rows(lines if "\n" in text else text.split(";") if text.strip() else (), path, label)


def _parse_rows(rows: Any, path: Path, label: str) -> list[RequirementLine]:
    rows = [line for line in rows.splitlines() if line.strip()] if isinstance(rows, str) else rows
    if not isinstance(rows, (list, tuple)) or not all(isinstance(row, str) for row in rows):
        raise LockError(f"{path.name}: {label}: expected a list of requirements, found {show_value(str(rows))}")
    return [parse_requirement(row, f"{path.name} {label}[{index}]", path.parent) for index, row in enumerate(rows)]


def _read_files(names: list[str], path: Path, label: str) -> list[RequirementLine]:
    requirements = []
    for name in names:
        file = path.parent / name
        if not file.resolve().is_relative_to(path.parent.resolve()) or not file.is_file():
            raise LockError(f"{path.name}: {label}: there is no {show_value(name)} in the source")
        requirements += read_requirements(file, path.parent, label=name).requirements
    return requirements
