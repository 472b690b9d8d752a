"""Search runs in the tables of the local store without reading their records."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from ..keys import EntityKey
from ..store import RecordHints

_FUNCTIONS = """
WITH RECURSIVE key(value) AS (
    SELECT min(function) FROM entity WHERE type = 'run' AND function IS NOT NULL
    UNION ALL
    SELECT (SELECT min(function) FROM entity WHERE type = 'run' AND function > key.value) FROM key
    WHERE key.value IS NOT NULL
)
SELECT value FROM key WHERE value IS NOT NULL AND (value = ? OR value LIKE ? ESCAPE '\\')
"""
_DAY_BEFORE = "strftime('%Y-%m-%dT%H:%M:%S', ?, '-1 day')"
# From name to name and from there to its last step by the primary key: a series of a million numbers is not read.
_LAST_METRICS = """
WITH RECURSIVE series(seq, id, name) AS (
    SELECT seq, id, (SELECT min(name) FROM metric WHERE metric.seq = entity.seq) FROM entity
    WHERE project = ? AND type = ? AND id IN ({ids})
    UNION ALL
    SELECT seq, id, (SELECT min(name) FROM metric WHERE metric.seq = series.seq AND metric.name > series.name)
    FROM series WHERE series.name IS NOT NULL
)
SELECT id, name, (
    SELECT value FROM metric WHERE metric.seq = series.seq AND metric.name = series.name ORDER BY step DESC LIMIT 1
) FROM series WHERE name IS NOT NULL ORDER BY id, name
"""


def make_conditions(connection: sqlite3.Connection, hints: RecordHints) -> dict[str, list[str]]:
    """Return conditions on the columns of entities, each with its values."""
    conditions: dict[str, list[str]] = {}
    if hints.title is not None:
        # by the index alone, unless there is a run of which the name is not known
        is_unknown = connection.execute("SELECT 1 FROM entity WHERE type = 'run' AND title IS NULL LIMIT 1").fetchone()
        conditions["(title = ? OR title IS NULL)" if is_unknown else "title = ?"] = [hints.title]
    if hints.since is not None:
        # The first by the index, and from there in the order of the table. A time that is not in UTC is compared by
        # the reader; with a day of margin none of them is left out.
        first = "SELECT min(seq) FROM entity WHERE type = 'run' AND coalesce(started, created) >= " + _DAY_BEFORE  # noqa: S608
        conditions[f"seq >= ifnull(({first}), 0)"] = [hints.since]
        conditions["(coalesce(started, created) >= ? OR coalesce(started, created) NOT LIKE '%Z')"] = [hints.since]
    if hints.function is not None:
        keys = list_functions(connection, hints.function)
        conditions[f"function IN ({', '.join('?' * len(keys))})"] = keys
    return conditions


def list_functions(connection: sqlite3.Connection, name: str) -> list[str]:
    """Return the keys of the functions that runs were made of and that are called `name`, or have it as their key."""
    escaped = name.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return [row[0] for row in connection.execute(_FUNCTIONS, (name, f"%/{escaped}:%"))]


def list_last_metrics(connection: sqlite3.Connection, keys: Sequence[EntityKey]) -> list[dict[str, float]]:
    """Return the last number of each metric of entities, in the order of their keys; NULL is NaN."""
    metrics: dict[tuple[str, str, str], dict[str, float]] = {}
    for project, entity_type in {(key.project, key.type): None for key in keys}:
        ids = [key.id or "" for key in keys if (key.project, key.type) == (project, entity_type)]
        query = _LAST_METRICS.format(ids=", ".join("?" * len(ids)))
        for identity, name, value in connection.execute(query, (project, entity_type, *ids)):
            numbers = metrics.setdefault((project, entity_type, identity), {})
            numbers[name] = float("nan") if value is None else value
    return [metrics.get((key.project, key.type, key.id or ""), {}) for key in keys]
