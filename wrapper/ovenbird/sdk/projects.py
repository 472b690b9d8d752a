"""Projects, by the names of the platform's SDK."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from ..common.text import show_value
from ..errors import InputError, PlatformError
from ..platform import keys, queries
from ..platform.entities.entity_types import CLASSES
from ..platform.project.project import Project
from ..platform.store import make_project_key
from .session import is_in_core, is_recorded, open_project, open_session_store


def get_or_create_project(
    name: str, description: str | None = None, labels: list[str] | None = None, config: dict[str, Any] | None = None,
    context: str | None = None, setup_kwargs: dict[str, Any] | None = None,
) -> Project:  # fmt: skip
    """Return the project, which is created when it is not there. Errors: InputError for a name that cannot be used."""
    _refuse_setup(setup_kwargs)
    project = open_project(name)
    if is_recorded(project):
        return project
    try:
        return new_project(name, description, labels, config, context)
    except PlatformError:
        if is_recorded(project):  # another process has created it meanwhile
            return project
        raise


def get_project(name: str, setup_kwargs: dict[str, Any] | None = None) -> Project:
    """Return the project. Errors: InputError when it is not there."""
    _refuse_setup(setup_kwargs)
    project = open_project(name)
    if not is_recorded(project):
        raise InputError(
            f"no project {show_value(name)} in {project._store.location()}", hint="`get_or_create_project` creates it"
        )
    return project


def new_project(
    name: str, description: str | None = None, labels: list[str] | None = None, config: dict[str, Any] | None = None,
    source: str | None = None, setup_kwargs: dict[str, Any] | None = None,
) -> Project:  # fmt: skip
    """Create a project; `source` is the folder of its files. Errors: PlatformError when it exists."""
    _refuse_setup(setup_kwargs)
    project = open_project(name)
    fields = {"description": description, "labels": labels}
    project.metadata.update({field: value for field, value in fields.items() if value})
    project.spec.update({"source": source or "./", **({"config": dict(config)} if config else {})})
    project.save()
    return project


def list_projects() -> list[Project]:
    """Return the projects of the store, by name. Errors: PlatformError for Core, which lists them in its console."""
    store = open_session_store()
    if is_in_core():
        raise PlatformError(f"{store.location()} is asked one project at a time", hint="its console lists the projects")
    names = {row.project for entity_type in ("project", *CLASSES) for row in _list_latest(store, entity_type)}
    return [open_project(name) for name in sorted(names)]


def update_project(entity: Project) -> Project:
    """Store the changes of a project's metadata; return it."""
    saved: Project = entity.save(update=True)
    return saved


def delete_project(name: str, cascade: bool = True, clean_context: bool = True) -> None:
    """Remove a project with all that is recorded in it; with `cascade` also the files that were stored for it.

    Errors: InputError when it is not there; PlatformError while one of its runs goes on, or for Core.
    """
    del clean_context  # no folder is kept for a project
    project = get_project(name)
    store = project._store
    if is_in_core():
        raise PlatformError(f"{store.location()} deletes projects in its console")
    if running := [row.key for row in store.list_summaries("run", project=name, state="RUNNING", limit=1)]:
        raise PlatformError(f"{running[0]} is still running", hint="stop it first: `run.stop()`")
    for entity_type in CLASSES:
        for row in store.list_summaries(entity_type, project=name):
            _remove(project, keys.parse_key(row.key), with_files=cascade)
    with suppress(InputError):  # a project that was never saved
        store.remove(make_project_key(name))


def search_entity(
    project_name: str, query: str | None = None, entity_types: list[str] | None = None, name: str | None = None,
    kind: str | None = None, created: str | None = None, updated: str | None = None, description: str | None = None,
    labels: list[str] | None = None,
) -> tuple[list[Any], list[dict[str, Any]]]:  # fmt: skip
    """Return what fits in a project, and what cannot be read; the filters are those of `project.search_entity`."""
    return open_project(project_name).search_entity(
        query, entity_types, name, kind, created, updated, description, labels
    )


def _list_latest(store: Any, entity_type: str) -> Sequence[Any]:
    return store.list_summaries(entity_type, versions=False)  # type: ignore[no-any-return]


def _remove(project: Project, key: keys.EntityKey, *, with_files: bool) -> None:
    """Remove one version. Files that lie elsewhere than in the files store stay."""
    from ..platform.project.part import is_removable

    own = with_files and is_removable(project, project._store.read(key))
    queries.remove_entities(project._store, key, os.environ, keep_files=not own)
    if key.type == "secret":
        project._store.write_secret(key.project, key.name, None)


def _refuse_setup(arguments: Mapping[str, Any] | None) -> None:
    if arguments:
        raise InputError("setup_kwargs are for a setup script of the platform's SDK, which Ovenbird does not run")
