"""Files of requirements with all that they include, each line with where it stands."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from ovenbird.common.redact import redact_text
from ovenbird.common.text import show_value

from ..errors import LockError
from . import file_options
from .requirement_line import (
    RequirementLine,
    parse_editable,
    parse_requirement,
    path_exists,
    resolve_below,
    unquote_file,
)
from .requirements_text import FILE_LIMIT, read_text, split_lines
from .shared_code import find_boundary

_EDITABLE = re.compile(r"(?:-e[ =]?|--e(?:d(?:i(?:t(?:a(?:b(?:l(?:e)?)?)?)?)?)?)?[ =])\s*(.+)$")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_WEB = re.compile(r"https?:/", re.IGNORECASE)  # one slash: `Path` takes the second away
_INCLUDED, _DEPTH = 1000, 50  # files that one may include, and within each other


@dataclass(slots=True)
class RequirementsFile:
    """What a requirements file asks for, with all that it includes.

    `only_binary` are names (`:all:` for all) of which only wheels are taken, `find_links` folders below the root that
    hold further files; `notes` say what was taken otherwise than it is written.
    """

    requirements: list[RequirementLine] = field(default_factory=list)
    constraints: list[RequirementLine] = field(default_factory=list)
    pre: bool = False
    only_binary: tuple[str, ...] = ()
    require_hashes: bool = False
    find_links: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    files: int = 0  # that were included
    size: int = 0  # characters of all files


def read_requirements(
    path: Path, root: Path, *, indexes: tuple[str, ...] = (), label: str = "", kind: str = "requirements"
) -> RequirementsFile:
    """Return a requirements file with all that it includes, below `root`; index options must equal `indexes`.

    `kind` is `constraints` for a file that only limits.
    Errors: LockError, with file and line.
    """
    if _WEB.match(str(path)):
        raise _remote_file_error(str(path).replace(":/", "://", 1), "")
    reader = _Reader(root.resolve(), indexes, RequirementsFile())
    _read_file(reader, path, kind, (), label)
    return reader.listing


@dataclass(slots=True)
class _Reader:
    """What reading a file and all that it includes has in common: the root, the indexes, and what is filled."""

    root: Path
    indexes: tuple[str, ...]
    listing: RequirementsFile


def _read_file(reader: _Reader, path: Path, kind: str, above: tuple[Path, ...], label: str = "") -> None:
    """Read a file into the listing; `above` are the files that include it."""
    root, into = reader.root, reader.listing
    real = path.resolve()
    label = label or (str(real.relative_to(root)) if real.is_relative_to(root) else str(path))
    if real in above:
        raise LockError(f"{label} includes itself")
    text = read_text(real, label)
    into.size += len(text)
    if into.size > FILE_LIMIT:
        raise LockError(f"{label}: the requirements files are together larger than {FILE_LIMIT} characters")
    base = root if real.is_relative_to(find_boundary(root, real)) else real.parent
    for number, line in split_lines(text):
        where = f"{label} line {number}"
        if match := _EDITABLE.match(line):
            requirement = parse_editable(match[1], where, base)
            into.notes.append(
                f"{where}: {requirement.text} is installed as a copy, although `-e` asks for an editable install"
            )
            _add_line(requirement, kind, into)
        elif not line.startswith("-"):
            _add_line(parse_requirement(line, where, base), kind, into)
        else:
            options = file_options.parse_options(line, where)
            for other, sort in _list_included(options, where, real.parent, base):
                into.files += 1
                if into.files > _INCLUDED or len(above) > _DEPTH:
                    raise LockError(f"{where}: more than {_INCLUDED} files are included, or {_DEPTH} within each other")
                _read_file(reader, other, sort if kind == "requirements" else kind, (*above, real))
            file_options.apply_options(options, where, into, reader.indexes)
            into.find_links += [
                _find_links_folder(value, where, real.parent, base) for value in options.find_links or ()
            ]


def _add_line(line: RequirementLine, kind: str, into: RequirementsFile) -> None:
    """Add a requirement or a constraint. Errors: LockError for a constraint that cannot be one, as with pip."""
    if kind == "requirements":
        into.requirements.append(line)
        return
    if line.origin or line.extras:
        feature = "a URL or a path" if line.origin else "extras"
        raise LockError(
            f"{line.where}: a constraint limits the versions of a name, found {show_value(line.text)} with {feature}",
            hint="name it in the requirements",
        )
    into.constraints.append(line)


def _list_included(options: object, where: str, folder: Path, base: Path) -> list[tuple[Path, str]]:
    """Return the files that a line includes, each with what its lines are. Errors: LockError outside of the source."""
    files = []
    for kind, name in (("requirements", "requirements"), ("constraints", "constraints")):
        for value in getattr(options, name) or ():
            file_options.check_variables(value, where)
            if _WEB.match(value):
                raise _remote_file_error(value, f"{where}: ")
            files.append((resolve_below(base, folder, unquote_file(value), where), kind))
    return files


def _remote_file_error(url: str, where: str) -> LockError:
    redacted = show_value(redact_text(url))
    return LockError(
        f"{where}{redacted} is a URL, which is not read: its content may differ from build to build",
        hint="keep a copy beside the source: `curl -o constraints.txt URL`",
    )


def _find_links_folder(value: str, where: str, folder: Path, base: Path) -> str:
    """Return the folder of the source that `--find-links` names, relative to `base`. Errors: LockError."""
    file_options.check_variables(value, where)
    if _SCHEME.match(value) and not value.startswith("file:"):
        raise LockError(
            f"{where}: `--find-links` in a file of the source is followed to a folder of the source only, found"
            f" {show_value(redact_text(value))}: it may not choose where packages come from",
            hint="give an index yourself: `--index-url` or `--extra-index-url`",
        )
    text = unquote_file(value)
    path = resolve_below(base, folder, text, where)
    path = path if path_exists(path) else resolve_below(base, base, text, where)
    if not path.is_dir():
        raise LockError(f"{where}: there is no folder {show_value(value)} in the source")
    return Path(os.path.relpath(path, base.resolve())).as_posix()
