"""Entities in the tables of the database: statements that run within a transaction of the caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..keys import EntityKey
from ..store import COLUMNS, Record, format_timestamp, get_title, list_run_columns
from .records import clean_column, pack_record
from .run_search import make_condition

if TYPE_CHECKING:
    from .database import Cursor

Identity = tuple[str, str, str]
"""Project, type and id."""
Row = tuple[Any, ...]
_SEQUENCE = "SELECT seq FROM ovenbird.entity WHERE project = %s AND type = %s AND id = %s"
JOINED = "ovenbird.entity JOIN ovenbird.body USING (seq)"


def find_sequence(cursor: Cursor, of: Identity, lock: str = "") -> int | None:
    """Return the number of an entity's row, None if there is none. `lock` is such as `FOR UPDATE`."""
    row = cursor.execute(f"{_SEQUENCE} {lock}".encode(), of).fetchone()
    return int(row[0]) if row else None


def list_columns(record: Record) -> list[str | None]:
    """Return the columns of a new entity's row: those of a listing, and its title."""
    identity = [record[name] for name in ("project", "type", "kind", "name", "id")]
    moment, state = format_timestamp(), record["status"].get("state", "CREATED")
    return [*map(clean_column, (*identity, state, moment, moment, *list_run_columns(record), get_title(record)))]


def insert_entity(cursor: Cursor, columns: Sequence[str | None], text: str) -> int | None:
    """Add an entity of columns and the text of its record, and return the number of its row; None if it exists."""
    row = cursor.execute(
        f"INSERT INTO ovenbird.entity ({COLUMNS}, title)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING RETURNING seq".encode(),
        columns,
    ).fetchone()
    if row is None:
        return None
    cursor.execute("INSERT INTO ovenbird.body VALUES (%s, %s)", (row[0], text))
    return int(row[0])


def update_entity(cursor: Cursor, sequence: int, record: Record) -> None:
    """Replace the columns and the record of an entity."""
    state = record["status"].get("state", "CREATED")
    values = (state, format_timestamp(), *list_run_columns(record), get_title(record))
    cursor.execute(
        "UPDATE ovenbird.entity SET state = %s, updated = %s, function = %s, started = %s, ended = %s,"
        " title = %s WHERE seq = %s",
        (*map(clean_column, values), sequence),
    )
    cursor.execute("UPDATE ovenbird.body SET text = %s WHERE seq = %s", (pack_record(record), sequence))


def update_metadata(cursor: Cursor, sequence: int, record: Record) -> None:
    """Replace the record of an entity whose metadata alone have changed: its title is a column."""
    columns = (clean_column(get_title(record)), format_timestamp(), sequence)
    cursor.execute("UPDATE ovenbird.entity SET title = %s, updated = %s WHERE seq = %s", columns)
    cursor.execute("UPDATE ovenbird.body SET text = %s WHERE seq = %s", (pack_record(record), sequence))


def read_text(cursor: Cursor, sequence: int) -> str:
    """Return the text of the record of an entity."""
    row = cursor.execute("SELECT text FROM ovenbird.body WHERE seq = %s", (sequence,)).fetchone()
    assert row is not None
    return str(row[0])


def read_for_update(cursor: Cursor, of: Identity) -> tuple[int, str] | None:
    """Return the number of an entity's row and the text of its record, which nobody else changes until the commit."""
    query = f"SELECT seq, text FROM {JOINED} WHERE project = %s AND type = %s AND id = %s FOR NO KEY UPDATE"
    row = cursor.execute(query.encode(), of).fetchone()
    return (row[0], row[1]) if row else None


def read_latest(cursor: Cursor, key: EntityKey) -> tuple[str, list[Row]] | None:
    """Return the text of the entity, or of the latest of its name, and its metrics; None if there is none."""
    names = ("id",) if key.type == "run" and key.id else ("kind", "name", "id")
    filters = {name: getattr(key, name) or None for name in names}
    where, values = make_condition({"project": key.project, "type": key.type, **filters})
    query = (
        f"SELECT seq, text FROM {JOINED} WHERE {where}"
        # A version whose upload failed or has not ended does not hide the one before it.
        " ORDER BY state IN ('CREATED', 'UPLOADING', 'ERROR'), seq DESC LIMIT 1"
    )
    row = cursor.execute(query.encode(), values).fetchone()
    if row is None:
        return None
    metrics = "SELECT name, step, numbers FROM ovenbird.metric WHERE seq = %s ORDER BY name, step"
    return row[1], cursor.execute(metrics, row[:1]).fetchall()


def list_values(cursor: Cursor, column: str, filters: Mapping[str, str]) -> list[str]:
    """Return the distinct values of a column among the entities that fit the filters, the newest 20."""
    where, values = make_condition(filters)
    query = f"SELECT {column} FROM ovenbird.entity WHERE {where} GROUP BY {column} ORDER BY max(seq) DESC LIMIT 20"
    return [row[0] for row in cursor.execute(query.encode(), values).fetchall()]
