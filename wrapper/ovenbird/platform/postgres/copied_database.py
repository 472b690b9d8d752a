"""A database as the source or the target of a copy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ...errors import PlatformError
from ..entity_rows import make_bare_record
from ..store import COLUMNS, EntitySummary, get_title
from ..store_copy import Identity, MetricRow, StoredEntity
from .database import Database
from .database_url import DatabaseUrl
from .records import clean_column, pack_record, unpack_record

if TYPE_CHECKING:
    from .database import Cursor

_CHUNK = 256 * 1024  # bytes of a row of a log
_NAMES = (*EntitySummary._fields, "title")
_UPSERT = (
    f"INSERT INTO ovenbird.entity ({', '.join(_NAMES)}) VALUES ({', '.join(['%s'] * len(_NAMES))})"
    f" ON CONFLICT (project, type, id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _NAMES)}"
    " RETURNING seq"
).encode()


class CopiedDatabase:
    """The tables of a database, entity by entity."""

    def __init__(self, url: DatabaseUrl, patience: float) -> None:
        self._database = Database(url, patience)

    def export_entities(self) -> Iterator[StoredEntity]:
        """Yield every entity, oldest first."""
        last = 0
        query = (
            f"SELECT seq, text, {COLUMNS} FROM ovenbird.entity JOIN ovenbird.body USING (seq) WHERE seq > %s"
            " ORDER BY seq LIMIT 1"
        ).encode()

        while True:

            def work(cursor: Cursor, after: int = last) -> tuple[int, StoredEntity] | None:
                row = cursor.execute(query, (after,)).fetchone()
                return (row[0], self._complete(cursor, row)) if row else None

            found = self._database.read(work)
            if found is None:
                return
            last, entity = found
            yield entity

    def _complete(self, cursor: Cursor, row: tuple[Any, ...]) -> StoredEntity:
        sequence, text, *columns = row
        summary = EntitySummary._make(columns)
        try:
            record = unpack_record(text, self.location())
        except PlatformError:  # a damaged record keeps no other from being copied
            record = make_bare_record(summary)
        metrics = "SELECT name, step, numbers FROM ovenbird.metric WHERE seq = %s ORDER BY name, step"
        rows = [MetricRow._make(values) for values in cursor.execute(metrics, (sequence,)).fetchall()]
        log = "SELECT content FROM ovenbird.log WHERE seq = %s ORDER BY position"
        chunks = [chunk for (chunk,) in cursor.execute(log, (sequence,)).fetchall()]
        return StoredEntity(summary, record, rows, b"".join(chunks))

    def import_entity(self, entity: StoredEntity) -> None:
        """Store an entity in one transaction, or replace one with its id."""
        columns = tuple(map(clean_column, (*entity.summary, get_title(entity.record))))
        text, log = pack_record(entity.record), entity.log
        pieces = [(start, log[start : start + _CHUNK]) for start in range(0, len(log), _CHUNK)]
        metrics = [(clean_column(row.name), row.step, list(row.numbers)) for row in entity.metrics]

        def work(cursor: Cursor) -> None:
            row = cursor.execute(_UPSERT, columns).fetchone()
            assert row is not None
            for table in ("body", "metric", "log"):
                cursor.execute(f"DELETE FROM ovenbird.{table} WHERE seq = %s".encode(), row)
            cursor.execute("INSERT INTO ovenbird.body VALUES (%s, %s)", (row[0], text))
            cursor.executemany("INSERT INTO ovenbird.metric VALUES (%s, %s, %s, %s)", [(*row, *m) for m in metrics])
            cursor.executemany("INSERT INTO ovenbird.log VALUES (%s, %s, %s)", [(*row, *piece) for piece in pieces])

        self._database.write(work)

    def list_updates(self) -> dict[Identity, str]:
        """Return when each entity was updated last."""
        query = "SELECT project, type, id, updated FROM ovenbird.entity"
        rows = self._database.read(lambda cursor: cursor.execute(query).fetchall())
        return {(project, entity_type, identity): updated for project, entity_type, identity, updated in rows}

    def list_owned(self) -> set[Identity]:
        """Return the runs that go on."""
        query = "SELECT project, type, id FROM ovenbird.entity JOIN ovenbird.owner USING (seq)"
        rows = self._database.read(lambda cursor: cursor.execute(query).fetchall())
        return {(project, entity_type, identity) for project, entity_type, identity in rows}

    def location(self) -> str:
        """Return the address of the database."""
        return self._database.url.address

    def close(self) -> None:
        """Close the connection."""
        self._database.close()
