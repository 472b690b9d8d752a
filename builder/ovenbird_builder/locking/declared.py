"""Dependencies that a project declares: `[project]` of a pyproject.toml, and the inline metadata of one file."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from msgspec import Struct
from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from ovenbird.common.text import show_value

from ..errors import LockError
from .listed import Wanted, requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_BLOCK = re.compile(r"(?m)^# /// script[ \t]*\r?$\n(?P<lines>(?:^#(?: .*)?\r?$\n)+?)^# ///[ \t]*\r?$")  # as PEP 723


class Declared(Struct, frozen=True):
    """What is declared, and the versions of Python it is declared for (`>=3.11`, or empty)."""

    wanted: tuple[Wanted, ...]
    requires_python: str = ""


def toml(text: str, name: str) -> dict[str, Any]:
    """A table from TOML text. Errors: LockError with the line."""
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise LockError(f"{name} is not valid TOML: {error}") from None


def project(path: Path, extras: tuple[str, ...]) -> Declared | None:
    """The dependencies of a pyproject.toml with those of the extras; None when it has no `[project]`.

    Errors: LockError when they are dynamic, an extra does not exist, or a requirement is malformed.
    """
    name = path.name
    table = toml(path.read_text(encoding="utf-8"), name).get("project")
    if not isinstance(table, dict):
        return None
    dynamic = table.get("dynamic") or []
    if "dependencies" in dynamic or (extras and "optional-dependencies" in dynamic):
        raise LockError(
            f"{name}: the dependencies are dynamic, so they are known only to its build", hint="--requirements FILE"
        )
    groups = {canonicalize_name(key): rows for key, rows in (table.get("optional-dependencies") or {}).items()}
    own = canonicalize_name(str(table.get("name") or ""))
    found = _texts(table.get("dependencies"), f"{name} [project].dependencies", path.parent)
    todo, done = [canonicalize_name(extra) for extra in extras], set()
    while todo:
        extra = todo.pop(0)
        if extra in done:
            continue
        done.add(extra)
        if extra not in groups:
            raise LockError(f"{name} has no extra {show_value(extra)}: it has {', '.join(sorted(groups)) or 'none'}")
        for one in _texts(groups[extra], f"{name} extra {extra}", path.parent):
            if one.name == own:  # an extra that is made of others: `all = ["app[web,db]"]`
                todo += map(canonicalize_name, sorted(Requirement(one.text).extras))
            else:
                found.append(one)
    return Declared(tuple(found), _python(table.get("requires-python"), name))


def inline(text: str, name: str, root: Path) -> Declared | None:
    """The dependencies in the inline metadata of a file (PEP 723); None when it has none.

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
    table = toml(content, f"the inline metadata of {name}")
    found = _texts(table.get("dependencies"), f"inline metadata of {name}, dependencies", root)
    return Declared(tuple(found), _python(table.get("requires-python"), name))


def _texts(rows: Any, where: str, root: Path) -> list[Wanted]:
    if rows is None:
        return []
    if not isinstance(rows, list) or not all(isinstance(row, str) for row in rows):
        raise LockError(f"{where}: expected a list of text")
    return [requirement(row, f"{where}[{index}]", root) for index, row in enumerate(rows)]


def _python(value: Any, name: str) -> str:
    if value is None:
        return ""
    try:
        return str(SpecifierSet(value))
    except (InvalidSpecifier, TypeError, AttributeError):
        raise LockError(f"{name}: requires-python is not a set of versions: {show_value(value)}") from None
