"""Search runs in the tables of the database without reading their records."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..keys import EntityKey
from ..store import RecordHints

if TYPE_CHECKING:
    from .database import Cursor

_MARGIN = datetime.timedelta(days=1)  # a time that is not in UTC is compared by the reader
_LAST_METRICS = """
SELECT project, type, id, last.name, numbers[cardinality(numbers)] FROM (
    SELECT entity.seq, entity.project, entity.type, entity.id, metric.name, max(step) AS step
    FROM unnest(%s::text[], %s::text[], %s::text[]) AS wanted (project, type, id)
    JOIN ovenbird.entity USING (project, type, id) JOIN ovenbird.metric USING (seq)
    GROUP BY entity.seq, metric.name
) AS last JOIN ovenbird.metric ON metric.seq = last.seq AND metric.name = last.name AND metric.step = last.step
ORDER BY last.name
"""


def make_condition(filters: Mapping[str, str | None]) -> tuple[str, list[Any]]:
    """Return the condition that each column has its value, where that is not None, and the values."""
    used = {column: value for column, value in filters.items() if value is not None}
    return " AND ".join(["TRUE", *(f"{column} = %s" for column in used)]), list(used.values())


def make_hint_condition(hints: RecordHints | None) -> tuple[str, list[Any]]:
    """Return a condition that all entities fit which the reader looks for, and its values."""
    if hints is None:
        return "TRUE", []
    condition, values = make_condition({"title": hints.title})
    if hints.since is not None and (earliest := _parse_time(hints.since)):
        condition += " AND coalesce(started, created) >= %s"
        values.append((earliest - _MARGIN).strftime("%Y-%m-%dT%H:%M:%S"))
    if hints.function is not None:
        escaped = hints.function.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        condition += " AND (function = %s OR function LIKE %s)"
        values += [hints.function, f"%/{escaped}:%"]
    return condition, values


def list_last_metrics(cursor: Cursor, keys: Sequence[EntityKey]) -> list[dict[str, float]]:
    """Return the last number of each metric of entities, in the order of their keys."""
    columns = [key.project for key in keys], [key.type for key in keys], [key.id or "" for key in keys]
    metrics: dict[tuple[str, ...], dict[str, float]] = {}
    for *identity, name, value in cursor.execute(_LAST_METRICS, columns).fetchall():
        metrics.setdefault(tuple(identity), {})[name] = value
    return [metrics.get((key.project, key.type, key.id or ""), {}) for key in keys]


def _parse_time(text: str) -> datetime.datetime | None:
    try:
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
