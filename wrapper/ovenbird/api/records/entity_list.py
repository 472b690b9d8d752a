"""List data items, artifacts, models and functions."""

from __future__ import annotations

from typing import NamedTuple

from ...platform.queries import list_rows
from ...platform.store import EntityStore, EntitySummary


class EntityQuery(NamedTuple):
    """Which entities are meant; without `versions`, the latest of each name. `limit` of None is no limit."""

    project: str | None = None
    name: str | None = None
    state: str | None = None
    versions: bool = False
    limit: int | None = 100


class EntityList(NamedTuple):
    """Entities, newest first; `is_truncated`: there are more than the limit."""

    entities: list[EntitySummary]
    is_truncated: bool


def find_entities_of_type(store: EntityStore, entity_type: str, query: EntityQuery) -> EntityList:
    """Return the entities of a type. Errors: InputError for an unknown state; PlatformError."""
    rows = list_rows(
        store, entity_type, project=query.project, name=query.name, state=query.state, versions=query.versions,
        limit=None if query.limit is None else query.limit + 1,
    )  # fmt: skip
    return EntityList(rows[: query.limit], query.limit is not None and len(rows) > query.limit)
