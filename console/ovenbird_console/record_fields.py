"""Fields of records, which other programs write too: a value of another type counts as absent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ovenbird.platform.store import EntitySummary, Record


def get_mapping(part: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a field that is an object; an empty one for anything else."""
    value = part.get(name)
    return value if isinstance(value, dict) else {}


def get_list(part: Mapping[str, Any], name: str) -> list[Any]:
    """Return a field that is a list; an empty one for anything else."""
    value = part.get(name)
    return value if isinstance(value, list) else []


def get_text(part: Mapping[str, Any], name: str) -> str:
    """Return a field that is a text; an empty one for anything else."""
    value = part.get(name)
    return value if isinstance(value, str) else ""


def summarize_run(record: Record) -> EntitySummary:
    """Return the line of a run in a listing, from its record."""
    status, metadata = record["status"], record["metadata"]
    identity = [str(record[name]) for name in ("project", "type", "kind", "name", "id")]
    times = [get_text(metadata, name) for name in ("created", "updated")]
    function, run_times = (
        get_text(record["spec"], "function"),
        [get_text(status, name) for name in ("started", "ended")],
    )
    return EntitySummary._make([*identity, get_text(status, "state"), *times, function, *run_times])
