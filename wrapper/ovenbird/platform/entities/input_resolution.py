"""Resolve the input of a run: a key, a local path, a URL, a name or an id becomes an entity."""

from __future__ import annotations

from pathlib import Path

from ...common.named_paths import describe_broken_link, exists, is_folder
from ...common.text import show_value
from ...errors import InputError, OvenbirdError
from .. import keys, queries
from ..project.project import Project
from ..storage import schemes
from ..storage.tree_walk import describe_special
from ..tables import dataframes
from .file_entity import MATERIALS, Dataitem, FileEntity

_SIBLINGS = 10  # files that a hint names


def resolve_input(project: Project, argument: str, text: str) -> FileEntity:
    """Return the entity for the argument. A path or a URL is recorded as a data item, so that lineage can name it.

    The same path under the same argument is recorded once. What is no file here may be the name of a data item, an
    artifact or a model (its latest version), or an id. InputError names the argument, and what was found.
    """
    try:
        if not text:
            raise InputError("its value is empty", hint="a key, a path or a URL; `.` is the current folder")
        if keys.is_key(text):
            return project.get_material(text)
        if not schemes.get_scheme(text) and not exists(schemes.get_local_path(text)) and "/" not in text:
            return project.get_material(str(_find_named(project, text)))
        return _record_path(project, argument, _check_address(text))
    except OvenbirdError as error:
        raise InputError(f"input {show_value(argument)}: {error.message}", hint=error.hint) from error


def _find_named(project: Project, text: str) -> keys.EntityKey:
    """Return the key of the entity with that name in the project. InputError lists similar names."""
    try:
        return queries.locate_any(project._store, text, project.name, tuple(MATERIALS))
    except queries.NotFoundError as error:
        where = queries.describe_place(project._store, project.name)
        message = f"{_describe_missing(text)}, and no data item, artifact or model is called so in {where}"
        raise InputError(message, hint=f"{_describe_siblings(schemes.get_local_path(text))}; {error.hint}") from None


def _describe_missing(text: str) -> str:
    return describe_broken_link(schemes.get_local_path(text)) or f"no file {show_value(text)}"


def _describe_siblings(path: Path) -> str:
    folder = path.parent
    if not is_folder(folder):
        return f"there is no folder {show_value(str(folder))}"
    siblings = sorted(item.name for item in folder.iterdir() if not item.name.startswith(".") and exists(item))
    more = f" and {len(siblings) - _SIBLINGS} more" if len(siblings) > _SIBLINGS else ""
    title = "the current folder" if folder == Path() else show_value(str(folder))
    return f"{title} has: {', '.join(siblings[:_SIBLINGS])}{more}" if siblings else f"{title} is empty"


def _check_address(text: str) -> str:
    if schemes.get_scheme(text):
        return text
    path = schemes.get_local_path(text)
    if (special := describe_special(path)) and "device" in special and not path.samefile("/dev/null"):
        raise InputError(f"{show_value(text)} is {special}, not a file", hint="a file, a folder, a URL or a key")
    if not exists(path):
        raise InputError(_describe_missing(text), hint=_describe_siblings(path))
    return str(path.absolute()) + ("/" if is_folder(path) else "")


def _record_path(project: Project, argument: str, address: str) -> Dataitem:
    keys.check_name(argument, "argument")
    table = schemes.get_scheme(address) == schemes.SQL or dataframes.is_table_name(address.partition("?")[0])
    return project.referenced(argument, "table" if table else "dataitem", address)
