"""The input of a run: an entity from what was typed, a key, a local path or a URL."""

from __future__ import annotations

from pathlib import Path

from ovenbird.common.named_paths import exists, is_folder
from ovenbird.common.text import show_value
from ovenbird.errors import InputError, OvenbirdError

from . import files, frames, keys
from .material import Dataitem, Material
from .project import Project


def resolve(project: Project, argument: str, text: str) -> Material:
    """The entity for the argument. A path or a URL is recorded as a data item, so that lineage can name it.

    The same path under the same argument is recorded once. InputError names the argument, and what was found.
    """
    try:
        if keys.is_key(text):
            return project.get_material(text)
        return _recorded(project, argument, _address(text))
    except OvenbirdError as error:
        raise InputError(f"input {show_value(argument)}: {error.message}", hint=error.hint) from error


def _address(text: str) -> str:
    if files.scheme(text):
        return text
    path = files.local(text)
    if not exists(path):
        siblings = sorted(item.name for item in path.parent.iterdir())[:10] if is_folder(path.parent) else []
        hint = f"in {path.parent} there is: {', '.join(siblings)}" if siblings else f"there is no folder {path.parent}"
        raise InputError(f"no file {show_value(text)}", hint=hint)
    return str(path.absolute()) + ("/" if is_folder(path) else "")


def _recorded(project: Project, argument: str, address: str) -> Dataitem:
    keys.check_name(argument, "argument")
    suffix = Path(address.partition("?")[0]).suffix.lower().lstrip(".")
    return project.referenced(argument, "table" if suffix in frames.FORMATS else "dataitem", address)
