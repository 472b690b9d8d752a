"""Where a project says that a package comes from: the tables that uv, Poetry and Pipenv write beside a version.

`{git = URL, rev|tag|branch|ref, subdirectory}`, `{path|file}`, `{url}`, `{workspace = true}` and `{index|source}`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from ovenbird.common.redact import redact_url
from ovenbird.common.text import show_value

from ...errors import LockError
from ..requirement_line import RequirementLine, parse_requirement

_SCP = re.compile(r"(?:([\w.-]+)@)?([\w.-]+):(?!//)(.+)", re.ASCII)  # `git@host:path`, as git takes it
_REFS = ("rev", "tag", "branch", "ref")
_LOCATIONS = ("git", "path", "file", "url", "workspace", "index", "source")


class PackageSource(Struct, frozen=True):
    """What tables are read with: the source's folder, the indexes that are asked, those that the project names.

    `members` finds the folder of a workspace's project by its name, relative to the root; empty without one.
    """

    root: Path
    indexes: tuple[str, ...] = ()
    named_indexes: Mapping[str, str] = {}
    members: Callable[[str], str] = lambda _: ""


def has_source(table: object) -> bool:
    """Return whether a table says where a package comes from."""
    return isinstance(table, dict) and any(key in table for key in _LOCATIONS)


def read_source(plain: RequirementLine, table: Mapping[str, Any], where: str, source: PackageSource) -> RequirementLine:
    """Return the requirement `plain` from where its table says; itself when that is an index which is asked anyway.

    Errors: LockError for an index that no flag names, a member that is not in the source, a form that is not followed.
    """
    if index := table.get("index") or table.get("source"):
        _check_index(index, table, where, source)
        return plain
    location = _find_location(plain.name, table, where, source)
    if not location:
        return plain
    brackets = f"[{','.join(plain.extras)}]" if plain.extras else ""
    marker = f" ; {plain.marker}" if plain.marker else ""
    return parse_requirement(f"{plain.name}{brackets} @ {location}{marker}", where, source.root)


def _find_location(name: str, table: Mapping[str, Any], where: str, source: PackageSource) -> str:
    for key in (*_REFS, "git", "path", "file", "url", "subdirectory"):
        if not isinstance(table.get(key, ""), str):
            raise LockError(f"{where}: {key}: expected a text, found {show_value(str(table[key]))}")
    folder = f"#subdirectory={table['subdirectory']}" if table.get("subdirectory") else ""
    if url := table.get("git"):
        ref = next((table[key] for key in _REFS if table.get(key)), "")
        return format_git(url) + (f"@{ref}" if ref else "") + folder
    if url := table.get("url") or (table.get("file", "") if "://" in table.get("file", "") else ""):
        return str(url) + folder
    if path := table.get("path") or table.get("file"):
        return f"file:{path}" + folder
    if table.get("workspace") is True:
        if member := source.members(name):
            return f"file:{member}"
        raise LockError(
            f"{where}: {show_value(name)} is a member of a workspace that does not lie in the source",
            hint="`spec.source.root`: the folder of the workspace",
        )
    return ""


def format_git(url: str) -> str:
    """Return the address of a repository as a requirement has it: `git+ssh://git@host/path` for `git@host:path`."""
    url = url.removeprefix("git+")
    if match := _SCP.fullmatch(url):
        return f"git+ssh://{match[1] + '@' if match[1] else ''}{match[2]}/{match[3].lstrip('/')}"
    return f"git+{url}" if "://" in url else f"git+file://{url}"


def _check_index(index: object, table: Mapping[str, Any], where: str, source: PackageSource) -> None:
    if any(key in table for key in ("git", "path", "file", "url")):
        raise LockError(f"{where}: expected an index or another place, found both")
    name = str(index)
    url = source.named_indexes.get(name, name if "://" in name else "").rstrip("/")
    if name.lower() == "pypi" or re.fullmatch(r"https://pypi\.org(/simple)?", url) or (url and url in source.indexes):
        return
    raise LockError(
        f"{where}: the index {show_value(redact_url(url) if url else name)} is not followed: a source may not choose"
        " where packages come from",
        hint="give it yourself: `--index-url` or `--extra-index-url`",
    )
