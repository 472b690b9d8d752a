"""The class of each type of entity, and reading one by its key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ovenbird.errors import InputError

from . import keys
from .entity import Entity
from .material import Artifact, Dataitem, Model
from .run import Function, Run
from .secret import Secret
from .store import Record, Store

CLASSES: dict[str, type[Entity]] = {
    kind.TYPE: kind for kind in (Artifact, Dataitem, Function, Model, Run, Secret)
}  # fmt: skip


def entity_of(store: Store, record: Record, environ: Mapping[str, str]) -> Any:
    """Return the object of a record."""
    return CLASSES[record["type"]](store, record, environ)


def read_entity(store: Store, key: str, environ: Mapping[str, str]) -> Any:
    """Return the entity of a key. Errors: InputError."""
    parsed = keys.parse(key)
    if parsed.type not in CLASSES:
        raise InputError(f"{key} is a {parsed.type}, which cannot be read", hint="one of " + ", ".join(CLASSES))
    return entity_of(store, store.read(parsed), environ)
