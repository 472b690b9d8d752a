"""Copy what one store holds into another: entities with metrics and logs, oldest first, each whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

from ..errors import PlatformError
from .store import FINAL, EntitySummary, Record

Identity = tuple[str, str, str]
"""Project, type and id of an entity."""


class MetricRow(NamedTuple):
    """Numbers of a metric that follow each other; `step` is that of the first: 0 for a lone number."""

    name: str
    step: int
    numbers: Sequence[float]


class StoredEntity(NamedTuple):
    """All that a store knows of an entity; `log` is that of a run, as bytes."""

    summary: EntitySummary
    record: Record
    metrics: Sequence[MetricRow]
    log: bytes

    @property
    def identity(self) -> Identity:
        """Return what an entity is known by in each store."""
        return self.summary.project, self.summary.type, self.summary.id


class CopiedStore(Protocol):
    """A store whose entities can be copied."""

    def export_entities(self) -> Iterator[StoredEntity]:
        """Yield every entity, oldest first; a run that goes on has a state that is not final."""

    def import_entity(self, entity: StoredEntity) -> None:
        """Store an entity in one transaction, or replace one with its id. PlatformError if it is a run that goes on."""

    def list_updates(self) -> dict[Identity, str]:
        """Return when each entity was updated last."""

    def list_owned(self) -> set[Identity]:
        """Return the runs that go on."""

    def location(self) -> str:
        """Return where the store is, for people."""


class CopyResult(NamedTuple):
    """How many entities were copied, were there already, and are runs that go on."""

    copied: int
    present: int
    running: int


def copy_store(source: CopiedStore, target: CopiedStore, report: Callable[[int], None]) -> CopyResult:
    """Copy all entities that the target lacks or has in an older state; `report` gets how many were copied so far.

    A second call goes on where one was interrupted. PlatformError if entities are missing in the target afterwards.
    """
    present, running = target.list_updates(), source.list_owned()
    wanted: set[Identity] = set()
    copied = 0
    for entity in source.export_entities():
        if entity.identity not in running and _may_go_on(entity):
            running |= source.list_owned()
        if entity.identity in running:
            continue
        wanted.add(entity.identity)
        if present.get(entity.identity, "") < entity.summary.updated:
            target.import_entity(entity)
            copied += 1
            report(copied)
    if missing := wanted - set(target.list_updates()):
        raise PlatformError(
            f"{len(missing)} of {len(wanted)} entities are not in {target.location()}, such as {min(missing)[2]}",
            hint="they were removed meanwhile; run it again",
        )
    return CopyResult(copied, len(wanted) - copied, len(running))


def _may_go_on(entity: StoredEntity) -> bool:
    """Return whether an entity is a run that may have begun since the copy did."""
    return entity.summary.type == "run" and entity.summary.state not in FINAL
