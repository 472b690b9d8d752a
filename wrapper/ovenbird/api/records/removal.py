"""Remove entities that are called by key, name, id or `latest`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ...platform.queries import Removal, apply_removal, locate_entity, plan_removal
from ...platform.store import EntityStore


class RemovalQuery(NamedTuple):
    """What to remove: entities of a type, each by key, name, id or `latest`; `versions`: all versions of each name."""

    entity_type: str
    names: Sequence[str]
    project: str | None = None
    versions: bool = False
    keep_files: bool = False


def plan_removals(store: EntityStore, query: RemovalQuery, environ: Mapping[str, str]) -> list[Removal]:
    """Return what is to be removed, each entity once, in order; nothing is removed before all were checked.

    Errors: InputError for what does not exist, or has files in no store of files; PlatformError for a run that is
    still running.
    """
    located = dict.fromkeys(locate_entity(store, query.entity_type, name, query.project) for name in query.names)
    removals = {
        removal.key: removal
        for key in located
        for removal in plan_removal(store, key, environ, versions=query.versions, keep_files=query.keep_files)
    }
    return list(removals.values())


def remove_planned(store: EntityStore, removals: Sequence[Removal], environ: Mapping[str, str]) -> Iterator[str]:
    """Remove one after the other, and yield the key of each. Errors: OvenbirdError where files cannot be deleted."""
    for removal in removals:
        apply_removal(store, removal, environ)
        yield str(removal.key)
