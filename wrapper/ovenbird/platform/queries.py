"""Queries of `ovenbird runs|dataitems|artifacts|models list|show|get|rm`; the commands only parse and print."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count as count_from
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..common.redact import mask_record
from ..common.text import show_value
from ..errors import InputError, OvenbirdError
from . import keys
from .entities import run_summary
from .entities.metrics import json_metrics
from .store import STATES, EntityStore, EntitySummary, Record

if TYPE_CHECKING:
    from .entities.file_entity import FileEntity

VERBS = {"runs": "run", "dataitems": "dataitem", "artifacts": "artifact", "models": "model", "functions": "function"}
"""The word on the command line for each type."""
ANY = ("run", "model", "dataitem", "artifact", "function")
_COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".zip")


class NotFoundError(InputError):
    """The store has nothing of that name."""


def list_rows(
    store: EntityStore,
    entity_type: str,
    *,
    project: str | None = None,
    name: str | None = None,
    state: str | None = None,
    versions: bool = False,
    limit: int | None = 100,
) -> list[EntitySummary]:
    """Return the rows of a listing, newest first: all runs, or the latest of each name (all with `versions`)."""
    return store.list_summaries(
        entity_type,
        project=project,
        name=name,
        state=parse_state(state),
        versions=versions or entity_type == "run",
        limit=limit,
    )


def parse_state(state: str | None) -> str | None:
    """Return a state in capitals. Errors: InputError for an unknown state."""
    if state is not None and state.upper() not in STATES:
        raise InputError(f"no run is ever in the state {show_value(state)}", hint=", ".join(STATES))
    return state.upper() if state else None


def locate_entity(store: EntityStore, entity_type: str, text: str, project: str | None = None) -> keys.EntityKey:
    """Return the key that `text` means: a key, a name (its latest version), an id, or the beginning of one id.

    A run is also `latest`, or `latest~1` for the one before.

    InputError: nothing, or several things, are meant.
    """
    if keys.is_key(text):
        key = keys.parse_key(text)
        if key.type != entity_type:
            raise InputError(f"{text} is a {key.type}, not a {entity_type}", hint=f"`ovenbird {key.type}s` takes it")
        return keys.parse_key(store.read(key)["key"])
    if entity_type != "run" and (rows := store.list_summaries(entity_type, project=project, name=text, versions=False)):
        if len(rows) > 1:
            several = ", ".join(row.project for row in rows)
            raise InputError(f"{show_value(text)} is in several projects: {several}", hint="`--project` chooses one")
        return keys.parse_key(store.read(keys.EntityKey(rows[0].project, entity_type, "", text))["key"])
    if entity_type == "run" and text and (named := run_summary.find_run(store, text, project)):
        return named
    rows = store.list_summaries(entity_type, project=project, identity=text, limit=3) if text else []
    if len(rows) == 1 or (rows and rows[-1].id == text):
        return keys.parse_key(rows[-1].key)
    if rows:
        raise InputError(
            f"{show_value(text)} is the beginning of several ids: {', '.join(row.id for row in rows)}",
            hint="give more characters",
        )
    names = sorted({row.name for row in store.list_summaries(entity_type, project=project, versions=False, limit=20)})
    hint = f"there are: {', '.join(names)}" if names else f"no {entity_type} is stored there yet"
    if names and entity_type == "run":  # whose names are ids
        hint = "`ovenbird runs list --all` lists them"
    raise NotFoundError(f"no {entity_type} {show_value(text)} in {describe_place(store, project)}", hint=hint)


def locate_any(store: EntityStore, text: str, project: str | None = None, types: Sequence[str] = ANY) -> keys.EntityKey:
    """Return the key of an entity of any type from a key, a name, an id or its beginning; `latest` is a run.

    A name or an id counts before the beginning of an id. InputError: nothing, or several things, are meant.
    """
    if keys.is_key(text):
        return keys.parse_key(text)
    exact: list[keys.EntityKey] = []
    begun: list[keys.EntityKey] = []
    unclear: InputError | None = None
    for entity_type in types:
        try:
            key = locate_entity(store, entity_type, text, project)
        except NotFoundError:
            continue
        except InputError as error:  # another type may have something of exactly this name
            unclear = error
            continue
        of_run = entity_type == "run" and not str(key.id).startswith(text)  # its name, or `latest`
        (exact if of_run or text in (key.name, key.id) else begun).append(key)
    matches = exact or begun
    if len(matches) == 1 and (exact or not unclear):
        return matches[0]
    if matches:
        raise InputError(
            f"{show_value(text)} means several things: {', '.join(key.type for key in matches)}",
            hint="the key says which: " + ", ".join(map(str, matches)),
        )
    if unclear:
        raise unclear
    names = [f"{entity_type} {row.name}" for entity_type in types if entity_type != "run"
             for row in store.list_summaries(entity_type, project=project, versions=False, limit=5)]  # fmt: skip
    raise NotFoundError(
        f"nothing is called {show_value(text)} in {describe_place(store, project)}",
        hint=f"in the store there are: {', '.join(names)}" if names else "nothing is in the store yet",
    )


def describe_place(store: EntityStore, project: str | None = None) -> str:
    """Return the searched store, and the project if one was given, for a message."""
    return f"{store.location()}{f', project {show_value(project)}' if project else ''}"


def read_shown_record(store: EntityStore, key: keys.EntityKey, environ: Mapping[str, str]) -> Record:
    """Return the whole entity, with every digest of its files; metrics that are not finite are text."""
    from .entities.file_entity import MATERIALS

    record = store.read(key)
    if key.type in MATERIALS and record["status"].get("files"):
        entity = MATERIALS[key.type](store, record, environ)
        entity.status.files = entity.files
        record = entity.to_dict()
    if metrics := record["status"].get("metrics"):
        record["status"]["metrics"] = json_metrics(metrics)
    return mask_record(record)


def fetch_files(
    store: EntityStore, key: keys.EntityKey, environ: Mapping[str, str], destination: str, *, overwrite: bool = False
) -> str:
    """Copy the entity's files to `destination`, and return the path of the copy."""
    from .entities.file_entity import MATERIALS

    if key.type not in MATERIALS:
        raise InputError(f"{key} has no files", hint="a dataitem, an artifact or a model has")
    return MATERIALS[key.type](store, store.read(key), environ).download(destination, overwrite)


def fetch_outputs(
    store: EntityStore,
    outputs: Mapping[str, str],
    environ: Mapping[str, str],
    destination: str,
    *,
    overwrite: bool = False,
) -> Iterator[str]:
    """Copy the files of a run's outputs below a folder, each by the output's name, and yield the path of each copy.

    A single file keeps its extension. With `overwrite` a folder loses what only earlier versions of the output hold.
    Two models of one run are both `model.pkl` in the store. An error is raised only after all other files are copied.
    """
    from .entities.earlier_files import remove_earlier_files
    from .entities.file_entity import MATERIALS

    names: set[str] = set()
    failed: list[OvenbirdError] = []
    for name, text in outputs.items():
        key = keys.parse_key(text)
        if key.type not in MATERIALS:
            continue
        try:
            entity = MATERIALS[key.type](store, store.read(key), environ)
            path = _copy_output(entity, name, destination, names, overwrite)
            if overwrite and entity.is_folder():
                remove_earlier_files(store, entity, Path(path))
            yield path
        except OvenbirdError as error:
            failed.append(error)
    if failed:
        raise failed[0]


def _copy_output(entity: FileEntity, name: str, destination: str, names: set[str], overwrite: bool) -> str:
    """Copy the files of an output under its name, or a unique one, and return the path of the copy."""
    target = name if entity.is_folder() else _with_extension(name, entity.file_name())
    for count in count_from(2):
        if target not in names:
            break
        target = f"{count}-{name}"
    names.add(target)
    return entity.copy_to(Path(destination) / target, overwrite)


def _with_extension(name: str, file_name: str) -> str:
    """Return the name with the extension of a file, and with that below a compression: `.csv.gz`."""
    end = Path(file_name).suffix
    if end.lower() in _COMPRESSED:
        end = Path(Path(file_name).stem).suffix + end
    return name if name.endswith(end) else name + end


class Removal(NamedTuple):
    """An entity to remove, and the files that were stored for it: their folder or URL, and their names."""

    key: keys.EntityKey
    path: str
    files: list[str]


def plan_removal(
    store: EntityStore,
    key: keys.EntityKey,
    environ: Mapping[str, str],
    *,
    versions: bool = False,
    keep_files: bool = False,
) -> list[Removal]:
    """Return what goes with one version, or with `versions` with all of the name; nothing is removed yet.

    Files that were only registered stay where they are. Errors: InputError for files in no store of files;
    PlatformError for a run that is still running.
    """
    from .storage import recorded_files

    rows = store.list_summaries(key.type, project=key.project, name=key.name) if versions else []
    removals = []
    for each in [keys.parse_key(row.key) for row in rows] or [key]:
        record = store.read(each)
        store.check_removable(keys.parse_key(record["key"]))
        names = [] if keep_files else recorded_files.list_names(record)
        if names:
            roots = (store.files_root(), store.files_store(key.project, environ))
            parts = [str(record[part]) for part in ("project", "type", "name", "id")]
            recorded_files.check_removable(record["spec"]["path"], roots, parts)
            recorded_files.check_names(record["spec"]["path"], names)
        removals.append(Removal(keys.parse_key(record["key"]), str(record["spec"].get("path") or ""), names))
    return removals


def apply_removal(store: EntityStore, removal: Removal, environ: Mapping[str, str]) -> None:
    """Remove the files, then the record, which alone knows of them: what is left can be removed again."""
    from .storage import files

    if removal.files:
        files.remove(removal.path, removal.files, environ)
    store.remove(removal.key)


def remove_entities(
    store: EntityStore,
    key: keys.EntityKey,
    environ: Mapping[str, str],
    *,
    versions: bool = False,
    keep_files: bool = False,
) -> list[str]:
    """Remove one version, or with `versions` all of the name, as `plan_removal` says. Return their keys, in order."""
    removals = plan_removal(store, key, environ, versions=versions, keep_files=keep_files)
    for removal in removals:
        apply_removal(store, removal, environ)
    return [str(removal.key) for removal in removals]
