"""The folder of the local store as the source or the target of a copy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...common.atomic_files import write_private_file
from ...common.named_paths import exists
from ...errors import PlatformError
from ..entity_rows import make_bare_record
from ..store import COLUMNS, EntitySummary
from ..store_copy import Identity, MetricRow, StoredEntity
from .database import Database, make_title, pack_record, unpack_record
from .store import LocalStore

_NAMES = (*EntitySummary._fields, "title")
_UPSERT = (
    f"INSERT INTO entity ({', '.join(_NAMES)}) VALUES ({', '.join('?' * len(_NAMES))})"  # noqa: S608
    f" ON CONFLICT (project, type, id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _NAMES)}"
)


class CopiedFolder:
    """The tables and logs of a folder, entity by entity."""

    def __init__(self, home: Path) -> None:
        self._store = LocalStore(home)
        self._database = Database(self._store.path)

    def export_entities(self) -> Iterator[StoredEntity]:
        """Yield every entity, oldest first."""
        last = 0
        query = f"SELECT seq, text, {COLUMNS} FROM entity JOIN body USING (seq) WHERE seq > ? ORDER BY seq LIMIT 1"  # noqa: S608
        while True:
            with self._database.reading() as connection:
                row = connection.execute(query, (last,)).fetchone()
                if row is None:
                    return
                last = row[0]
                metrics = "SELECT name, step, value, at FROM metric WHERE seq = ? ORDER BY name, step"
                numbers = connection.execute(metrics, (last,)).fetchall()
            yield self._complete(row, numbers)

    def _complete(self, row: tuple[Any, ...], numbers: list[tuple[Any, ...]]) -> StoredEntity:
        _, text, *columns = row
        summary = EntitySummary._make(columns)
        try:
            record = unpack_record(text, self._store.home)
        except PlatformError:  # a damaged record keeps no other from being copied
            record = make_bare_record(summary)
        series: dict[str, MetricRow] = {}
        for name, step, value, _ in numbers:
            number = float("nan") if value is None else value
            metric_row = series.setdefault(name, MetricRow(name, step, []))
            metric_row.numbers.append(number)  # type: ignore[attr-defined]  # the list of this loop
        log = b""
        if summary.type == "run" and exists(path := self._store.log_file(summary.project, summary.id)):
            log = path.read_bytes()
        return StoredEntity(summary, record, list(series.values()), log)

    def import_entity(self, entity: StoredEntity) -> None:
        """Store an entity in one transaction, or replace one with its id; its log is there before."""
        summary = entity.summary
        if entity.log:
            write_private_file(self._store.log_file(summary.project, summary.id), entity.log)
        body = pack_record(entity.record, self._store.home)
        with self._database.writing() as connection:
            connection.execute(_UPSERT, (*summary, make_title(entity.record)))
            query = "SELECT seq FROM entity WHERE project = ? AND type = ? AND id = ?"
            (sequence,) = connection.execute(query, entity.identity).fetchone()
            connection.execute("INSERT OR REPLACE INTO body VALUES (?, ?)", (sequence, body))
            connection.execute("DELETE FROM metric WHERE seq = ?", (sequence,))
            rows = (
                (sequence, metric.name, step, number, 0.0)
                for metric in entity.metrics
                for step, number in enumerate(metric.numbers, metric.step)
            )
            connection.executemany("INSERT INTO metric VALUES (?, ?, ?, ?, ?)", rows)

    def list_updates(self) -> dict[Identity, str]:
        """Return when each entity was updated last."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT project, type, id, updated FROM entity").fetchall()
        return {(project, entity_type, identity): updated for project, entity_type, identity, updated in rows}

    def list_owned(self) -> set[Identity]:
        """Return the runs that go on."""
        with self._database.reading() as connection:
            return set(connection.execute("SELECT project, type, id FROM entity JOIN owner USING (seq)").fetchall())

    def location(self) -> str:
        """Return the folder."""
        return self._store.location()

    def close(self) -> None:
        """Close the database."""
        self._database.close()
        self._store.close()
