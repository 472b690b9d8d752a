"""The projects of this process: the store that its variables name, opened once."""

from __future__ import annotations

import os
from contextlib import suppress

from ..api.stores import open_shared_store
from ..common.text import show_value
from ..errors import ArgumentsError, InputError, PlatformError
from ..platform import keys
from ..platform.data_dir import backend_name
from ..platform.entities.entity_types import CLASSES
from ..platform.project.project import Project
from ..platform.store import EntityStore, make_project_key
from ..settings import resolve


def open_session_store() -> EntityStore:
    """Return the store of this process, by its variables at this moment. Errors: PlatformError, SettingsError."""
    return open_shared_store(resolve("runs", {}, os.environ), os.environ)


def open_project(name: str) -> Project:
    """Return a project, whether it is recorded or not. Errors: InputError for a name that cannot be used."""
    if not isinstance(name, str):
        raise ArgumentsError(f"a project is named by a text, found {show_value(name)}")
    return Project(open_session_store(), name, os.environ)


def find_project_of(identifier: str, project: str | None) -> Project:
    """Return the project of a key, else the one that is named. Errors: ArgumentsError without either."""
    if keys.is_key(identifier):
        return open_project(keys.parse_key(identifier).project)
    if project is None:
        hint = "`project=…`, or a key: `store://project/type/kind/name:id`"
        raise ArgumentsError(f"{show_value(identifier)} is a name, and its project is not given", hint=hint)
    return open_project(project)


def is_recorded(project: Project) -> bool:
    """Return whether the project was created, or has an entity."""
    store = project._store
    if is_in_core():  # it knows its projects
        with suppress(PlatformError):
            return bool(store.read_project(project.name))
        return False
    with suppress(InputError):
        return bool(store.read(make_project_key(project.name)))
    return any(store.list_summaries(entity_type, project=project.name, limit=1) for entity_type in CLASSES)


def is_in_core() -> bool:
    """Return whether the store of this process is DigitalHub Core."""
    return backend_name(os.environ.get("OVENBIRD_PLATFORM", ""), os.environ) == "core"
