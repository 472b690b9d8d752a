"""Find entities of a project by their fields: the filters of `list_*` and of `search_entity`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ...common.text import show_value
from ...errors import InputError
from .. import keys
from ..core import serialization
from ..store import EntityStore, Record

SEARCHED = ("artifact", "dataitem", "model", "function", "run")


def find_entities(
    store: EntityStore, entity_type: str, project: str, *, name: str | None = None, function: str | None = None,
    versions: str | None = None, **filters: Any,
) -> Iterator[Record]:  # fmt: skip
    """Yield records, newest first: the latest of each name (`versions="all"`: each version) that passes the filters.

    `q` is a part of the name; `created` and `updated` are `FROM,TO` in ISO 8601, of which either may be empty. Errors:
    InputError.
    """
    if versions not in (None, "all", "latest"):
        raise InputError(f"versions is {show_value(versions)}", hint="`all` or `latest`")
    checks = _make_checks(filters)
    if function is not None:
        key = _function_key(function, project)
        checks.append(lambda record: serialization.parse_function(record["spec"].get("function") or "").startswith(key))
    names: set[str] = set()
    for record in store.iterate_records(entity_type, project=project, name=name, versions=versions == "all"):
        if versions != "all" and record["name"] in names:
            continue
        names.add(record["name"])
        if all(check(record) for check in checks):
            yield record


def search_entities(
    store: EntityStore, project: str, types: Sequence[str], *, query: str | None, labels: Sequence[str] | None,
    description: str | None, **filters: Any,
) -> Iterator[Record]:  # fmt: skip
    """Yield the latest records of several types; `query` is a part of a name, a description or a label."""
    for entity_type in types:
        for record in find_entities(store, entity_type, project, **filters):
            metadata = record["metadata"]
            own = [str(label) for label in metadata.get("labels") or []]
            notes = str(metadata.get("description") or "")
            texts = [str(record["name"]), str(metadata.get("name") or ""), notes, *own]
            if (
                (query is None or query in ("", "*") or any(query.casefold() in text.casefold() for text in texts))
                and (description is None or description.casefold() in notes.casefold())
                and set(labels or ()) <= set(own)
            ):
                yield record


def _make_checks(filters: Mapping[str, Any]) -> list[Any]:
    """Return a predicate on records for each filter with a value. Errors: InputError for an unknown filter."""
    checks: list[Any] = []
    for name, value in filters.items():
        if value is None:
            continue
        if name in ("created", "updated"):
            checks.append(_parse_range(name, value))
        elif name == "q":
            checks.append(lambda record, value=value: value.casefold() in str(record["name"]).casefold())
        elif name in ("kind", "user"):
            checks.append(lambda record, name=name, value=value: record.get(name) == value)
        elif name == "state":
            checks.append(lambda record, value=value: record["status"].get("state") == value)
        elif name in ("task", "workflow"):
            checks.append(lambda record, name=name, value=value: record["spec"].get(name) == value)
        elif name == "action":
            checks.append(lambda record, value=value: record["kind"].partition(":")[0].endswith(f"+{value}"))
        else:
            raise InputError(f"{show_value(name)} is not a filter", hint="q, name, kind, user, state, created, updated")
    return checks


def _parse_range(name: str, text: str) -> Any:
    begin, _, end = str(text).partition(",")
    first = _parse_moment(begin, name) if begin.strip() else None
    last = _parse_moment(end, name) if end.strip() else None

    def check(record: Record) -> bool:
        value = record["metadata"].get(name)
        moment = _parse_moment(str(value), name) if value else None
        return moment is not None and (first is None or first <= moment) and (last is None or moment <= last)

    return check


def _parse_moment(text: str, name: str) -> datetime:
    """Return a date, or a date with a time, in UTC unless it names a zone. Errors: InputError."""
    text = text.strip()
    try:
        moment = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith(("Z", "z")) else text)
    except ValueError:
        hint = "FROM,TO: 2026-01-31 or 2026-01-31T12:00:00Z"
        raise InputError(f"{name} is {show_value(text)}, not a time in ISO 8601", hint=hint) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _function_key(function: str, project: str) -> str:
    """Return the key of a revision, or the beginning of the keys of all: see `find_entities`. Errors: InputError.

    `function` is a key, `python://project/name:id`, or a name.
    """
    key = (
        serialization.parse_function(function)
        if "://" in function
        else f"{keys.SCHEME}{project}/function/python/{function}"
    )
    return key if keys.parse_key(key).id else f"{key}:"
