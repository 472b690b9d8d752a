"""Find runs: by state, function, time, name, and by the values of parameters, results, metrics and tags."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import islice
from typing import Any

from ...common.units import parse_age
from ...platform.entities.metrics import json_metrics
from ...platform.entities.run_summary import (
    Summary,
    collect_columns,
    get_function_name,
    get_run_name,
    parse_moment,
    summarize,
)
from ...platform.keys import parse_key
from ...platform.queries import parse_state
from ...platform.store import EntityStore, Record, RecordHints
from .run_list import RunList, format_value

_ID = 32  # digits of an id, by which a run is called too
_BATCH = 100  # runs whose metrics are read together
_NO_METRIC = ("param.", "input.", "result.", "tag.")
_FORM = "an age such as 30m, 2h or 3d, a date or a time such as 2024-05-01 or 2024-05-01T12:00"


@dataclass(frozen=True)
class RunQuery:
    """Which runs are meant.

    `function` is a name or a key; `since` is when they began at the earliest; `where` holds names of columns with the
    value that each must have, as text of the command line or as a value. `limit` of None is no limit.
    `with_uncalled`: also runs that never called their function.
    """

    project: str | None = None
    name: str | None = None
    state: str | None = None
    function: str | None = None
    since: datetime | None = None
    where: tuple[tuple[str, Any], ...] = ()
    with_uncalled: bool = False
    limit: int | None = 100


def find_runs(store: EntityStore, query: RunQuery) -> RunList:
    """Return the runs of a query, newest first. Errors: InputError for an unknown state; PlatformError."""
    skipped: list[str] = []
    summaries = _filter_by_metrics(store, _select_records(store, query, skipped), query)
    selection = list(islice(summaries, None if query.limit is None else query.limit + 1))
    is_truncated = query.limit is not None and len(selection) > query.limit
    return RunList(tuple(selection[: query.limit]), is_truncated=is_truncated, hidden=len(skipped))


def parse_since(text: str) -> datetime:
    """Return the moment of `2h`, `3d`, a date or a time. A time without a zone is local. Errors: ValueError."""
    try:
        return datetime.fromtimestamp(time.time() - parse_age(text)).astimezone()
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text.strip().replace("Z", "+00:00")).astimezone()
    except (ValueError, OverflowError, OSError):
        raise ValueError(_FORM) from None


def _select_records(store: EntityStore, query: RunQuery, skipped: list[str]) -> Iterator[Record]:
    """Yield the records that pass all but the conditions on values. Ids of uncalled runs are added to `skipped`."""
    state = parse_state(query.state)
    for record in store.iterate_records("run", project=query.project, state=state, hints=_make_hints(query)):
        key = record["spec"].get("function")
        began = parse_moment(record["status"].get("started") or record["metadata"].get("created"))
        if query.since and began and began < query.since:
            continue  # not the end: a run on Core may have begun long after it was made
        if query.name and query.name not in (get_run_name(record), record["id"]):
            continue
        if query.function and query.function not in (key, get_function_name(key)):
            continue
        if not query.with_uncalled and not record["status"].get("called", True):
            skipped.append(record["id"])
            continue
        yield record


def _make_hints(query: RunQuery) -> RecordHints:
    """Return what a store may filter by."""
    since = query.since.astimezone(timezone.utc).isoformat()[:19] if query.since else None
    title = None if query.name and len(query.name) == _ID else query.name
    return RecordHints(query.function, title, since)


def _filter_by_metrics(store: EntityStore, records: Iterator[Record], query: RunQuery) -> Iterator[Summary]:
    """Yield the summaries, with metrics, of the records that have all values of the query."""
    candidates = ((summary, _find_missing(summary, query.where)) for summary in map(summarize, records))
    # the others are decided without metrics, which Core is asked for one run at a time
    possible = (pair for pair in candidates if not any(name.startswith(_NO_METRIC) for name, _ in pair[1]))
    size = _BATCH if query.limit is None else min(_BATCH, query.limit + 1)
    while batch := list(islice(possible, size)):
        metrics = store.list_last_metrics([parse_key(summary["key"]) for summary, _ in batch])
        for (summary, missing), numbers in zip(batch, metrics, strict=True):
            complete = {**summary, "metrics": json_metrics(numbers)}
            if not _find_missing(complete, missing):
                yield complete


def _find_missing(summary: Summary, conditions: Sequence[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Return the conditions that the run does not meet."""
    if not conditions:
        return []
    values = collect_columns(summary)
    return [(name, expected) for name, expected in conditions if not _has_value(values, name, expected)]


def _has_value(values: dict[str, Any], name: str, expected: Any) -> bool:
    """Return whether a column of that name, or with that end, equals the value, the text, or the JSON value in it."""
    candidates = [values[name]] if name in values else [v for key, v in values.items() if key.endswith(f".{name}")]
    text = expected if isinstance(expected, str) else None
    if text is not None:
        try:
            expected = json.loads(text)
        except ValueError:
            expected = text
    return any(
        (text is not None and text in (value, format_value(value)))
        or (value == expected and isinstance(value, bool) == isinstance(expected, bool))
        for value in candidates
    )
