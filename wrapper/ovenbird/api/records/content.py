"""The files of an entity or of a run's outputs, and the first rows of a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...common.named_paths import is_file
from ...errors import InputError
from ...platform import queries
from ...platform.entities.file_entity import MATERIALS, Dataitem
from ...platform.keys import EntityKey, parse_key
from ...platform.store import EntityStore

_LARGEST = 64 * 1024**2  # bytes of a file that is read for its first rows


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


def read_preview(entity: Dataitem) -> Mapping[str, Any] | None:
    """Return the first rows of a data item, from its record or its local file; None where that would be slow.

    Errors: OvenbirdError for a file that is not a table.
    """
    from ...platform.tables import dataframes

    if preview := entity.status.get("preview"):
        return dict(preview)
    path = entity.local_path()
    if path is None or not is_file(path) or path.stat().st_size > _LARGEST:
        return None
    dataframes.get_format(str(path))
    return dataframes.make_preview(entity.as_df())
