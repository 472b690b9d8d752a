"""Files that declare what a project depends on: read as text, TOML or records, and what comes of each."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct, ValidationError, convert
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from ovenbird.common.text import cut_text, escape_controls, show_value
from ovenbird.common.units import show_size

from ...errors import LockError
from ..requirement_line import RequirementLine

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

T = TypeVar("T")
_FILE_LIMIT = 64 * 1024 * 1024  # bytes


class DeclaredDependencies(Struct, frozen=True):
    """What is declared, and the versions of Python it is declared for (`>=3.11`, or empty).

    `notes` say what of it is not read; `constraints` only limit.
    """

    requirements: tuple[RequirementLine, ...]
    requires_python: str = ""
    notes: tuple[str, ...] = ()
    constraints: tuple[RequirementLine, ...] = ()


def read_toml(path: Path) -> dict[str, Any]:
    """Return a table from a TOML file. Errors: LockError, with the line where one is at fault."""
    return parse_toml(read_text(path), path.name)


def read_text(path: Path) -> str:
    """Return the text of a file of a project. Errors: LockError."""
    try:
        if path.stat().st_size > _FILE_LIMIT:
            raise LockError(f"{path.name} is larger than {show_size(_FILE_LIMIT)}")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise LockError(f"cannot read {show_value(path.name)}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise LockError(f"{path.name} is not UTF-8 text") from None


def parse_toml(text: str, name: str) -> dict[str, Any]:
    """Return a table from TOML text. Errors: LockError with the line."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # the first also for numbers of thousands of digits
        raise LockError(f"{name} is not valid TOML: {escape_controls(cut_text(str(error), 300))}") from None


def convert_table(table: Any, kind: type[T], name: str) -> T:
    """Return a table as a record of that type. Errors: LockError that names the field, and what it holds."""
    try:
        return convert(table, kind)
    except ValidationError as error:
        raise LockError(f"{name}: {escape_controls(cut_text(str(error), 300))}") from None


def check_python(value: str, name: str) -> str:
    """Return a set of versions of Python, normalised. Errors: LockError for an invalid one."""
    try:
        return str(SpecifierSet(value))
    except (InvalidSpecifier, ValueError):
        raise LockError(f"{name}: `requires-python` is not a set of versions: {show_value(value)}") from None
