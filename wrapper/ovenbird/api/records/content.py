"""The files of an entity or of a run's outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from ...errors import InputError
from ...platform import queries
from ...platform.entities.file_entity import MATERIALS
from ...platform.keys import EntityKey, parse_key
from ...platform.store import EntityStore


def copy_files(
    store: EntityStore, key: EntityKey, environ: Mapping[str, str], folder: str, *, overwrite: bool = False
) -> Iterator[str]:
    """Copy the files of an entity, or of all outputs of a run, and yield the path of each copy. Errors: InputError."""
    if key.type != "run":
        yield queries.fetch_files(store, key, environ, folder, overwrite=overwrite)
        return
    outputs = store.read(key)["status"].get("outputs") or {}
    yield from queries.fetch_outputs(store, outputs, environ, folder, overwrite=overwrite)


def find_single_file(store: EntityStore, key: EntityKey, environ: Mapping[str, str]) -> Path:
    """Return the only file of an entity, or of a run's outputs. Errors: InputError for several files, or none."""
    texts = [str(key)]
    if key.type == "run":
        texts = list((store.read(key)["status"].get("outputs") or {}).values())
    entities = [
        MATERIALS[material.type](store, store.read(material), environ)
        for material in map(parse_key, texts)
        if material.type in MATERIALS
    ]
    paths = [path for entity in entities for path in entity.as_file()]
    if len(paths) != 1:
        raise InputError(f"{key} has {len(paths)} files, and stdout takes one", hint="name a folder instead of `-`")
    return Path(paths[0])
