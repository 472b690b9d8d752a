"""Shared by the parts of a project, each of which holds the methods for one kind of entity.

A part is imported when one of its methods is first called: `methods` binds its functions to the project.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ...common.text import show_value
from ...errors import InputError
from .. import keys, queries
from ..entities import entity_filters
from ..entities.entity import new_record
from ..entities.entity_types import entity_of
from ..storage import recorded_files
from ..store import EntityStore, Record

if TYPE_CHECKING:
    from ..entities.entity import Entity
    from ..entities.run import Run


class ProjectPart:
    """The attributes of a project that its parts use."""

    name: str
    _store: EntityStore
    _environ: Mapping[str, str]
    _run: Run | None
    _log: Callable[..., Any]
    _new: Callable[..., Any]
    _get: Callable[..., Any]
    _entity: Callable[..., Any]


def list_entities(project: ProjectPart, entity_type: str, **filters: Any) -> list[Any]:
    """Return the entities that pass the filters of `find_entities`, newest first."""
    records = entity_filters.find_entities(project._store, entity_type, project.name, **filters)
    return [entity_of(project._store, record, project._environ) for record in records]


def list_versions(project: ProjectPart, entity_type: str, identifier: str) -> list[Any]:
    """Return every version of a name, or of the name in a key, newest first."""
    return list_entities(
        project, entity_type, name=_parse_identifier(project, entity_type, identifier, None).name, versions="all"
    )


def update_entity(project: ProjectPart, entity_type: str, entity: Entity) -> Any:
    """Store the changes of an entity; return it. Errors: InputError for one of another type."""
    if entity_type != entity.TYPE:
        raise InputError(
            f"{entity.key} is a {entity.TYPE}, not a {entity_type}", hint=f"`update_{entity.TYPE}` takes it"
        )
    if entity.project != project.name:
        raise InputError(f"{entity.key} is not of the project {show_value(project.name)}")
    return entity.save(update=True)


def delete_entities(
    project: ProjectPart, entity_type: str, identifier: str, entity_id: str | None, *, every: bool, with_files: bool
) -> None:
    """Delete one version, or `every` version of the name; `with_files`, also the files that were stored for it.

    Errors: InputError when no version is named, or it does not exist.
    """
    key = _parse_identifier(project, entity_type, identifier, entity_id)
    if not (every or key.id):
        hint = "`entity_id=…` names a version, `delete_all_versions=True` means all"
        raise InputError(f"{entity_type} {show_value(identifier)}: which version is to be deleted?", hint=hint)
    rows = project._store.list_summaries(entity_type, project=project.name, name=key.name) if every else []
    for each in [keys.parse_key(row.key) for row in rows] if every else [key]:
        record = project._store.read(each)
        own = with_files and is_removable(project, record)
        queries.remove_entities(project._store, keys.parse_key(record["key"]), project._environ, keep_files=not own)


def is_removable(project: ProjectPart, record: Record) -> bool:
    """Return whether the files of a record are in a files store. Files elsewhere are not removed."""
    store = project._store
    if not record["status"].get("files"):
        return False
    roots = (store.files_root(), store.files_store(project.name, project._environ))
    parts = [str(record[part]) for part in ("project", "type", "name", "id")]
    try:
        recorded_files.check_removable(record["spec"]["path"], roots, parts)
    except InputError:
        return False
    return True


def import_entity(project: ProjectPart, entity_type: str, file: str | None, key: str | None, reset_id: bool) -> Any:
    """Add the entity of a YAML file, or of a key, to the project; its files stay where they are.

    Errors: InputError for anything else; PlatformError when it exists and `reset_id` is False.
    """
    from ..entities.entity_file import read_entity

    if (file is None) == (key is None):
        raise InputError("give either `file` or `key`", hint="a file that `export` has written, or `store://…`")
    record = read_entity(file)[0] if file is not None else project._store.read(keys.parse_key(key or ""))
    label = show_value(file if file is not None else key)
    for part in ("kind", "name"):
        if not isinstance(record.get(part), str):
            raise InputError(f"{label}: its {part} is {show_value(record.get(part))}", hint=f"a {entity_type} has one")
    recorded_key = str(record.get("key") or "")
    own_type = keys.parse_key(recorded_key).type if keys.is_key(recorded_key) else record.get("type", entity_type)
    if own_type != entity_type:
        raise InputError(f"{label} is a {own_type}, not a {entity_type}", hint=f"`import_{own_type}` takes it")
    identity = None if reset_id else record.get("id")
    return create_entity(
        project, entity_type, record["kind"], record["name"], record.get("spec"), record.get("metadata"), identity
    )


def create_entity(
    project: ProjectPart, entity_type: str, kind: str, name: str, spec: Any, metadata: Any, identity: str | None
) -> Any:
    """Add an entity from its parts. Errors: InputError, PlatformError."""
    for field_name, part in (("spec", spec), ("metadata", metadata)):
        if part is not None and not isinstance(part, Mapping):
            raise InputError(
                f"{entity_type} {show_value(name)}: its {field_name} is {show_value(part)}", hint="an object"
            )
    record = new_record(project.name, entity_type, kind, name, identity=identity, spec=spec)
    fields = {
        field: value for field, value in (metadata or {}).items() if field not in ("created", "updated", "version")
    }
    record["metadata"] = {**record["metadata"], **fields, "project": project.name, "version": record["id"]}
    record["status"] = {"state": "CREATED" if entity_type == "secret" else "READY"}
    entity = entity_of(project._store, record, project._environ)
    entity._is_saved = False
    return entity.save()


def _parse_identifier(project: ProjectPart, entity_type: str, identifier: str, entity_id: str | None) -> keys.EntityKey:
    """Return the key of an identifier in the project. Errors: InputError."""
    if not keys.is_key(identifier):
        if entity_type == "run":
            return keys.run_key(project.name, entity_id or identifier)
        return keys.EntityKey(
            project.name, entity_type, "", keys.check_name(identifier, f"{entity_type} name"), entity_id
        )
    key = keys.parse_key(identifier)
    if key.type != entity_type or key.project != project.name:
        raise InputError(f"{key} is not a {entity_type} of the project {show_value(project.name)}")
    return key
