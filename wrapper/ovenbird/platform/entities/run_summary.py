"""Summaries of runs (parameters, results, tags), and searches by them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from ...common.redact import mask_parameters, redact_values
from ...common.text import show_value
from ...errors import InputError
from .. import keys
from ..store import EntityStore, Record, RecordHints
from .metrics import json_metrics

LATEST = r"latest(?:~([0-9]{1,6}))?"
_NO_NAME = "run"  # what the metadata of a run says that was given no name
_ID = 32  # digits of an id
_MOST_READ = 10_000  # runs that are looked through for a name
_SECTIONS = {"param": "parameters", "input": "inputs", "result": "results", "metric": "metrics", "tag": "tags"}
"""Prefixes of columns, and the part of a summary that each stands for."""

Summary = dict[str, Any]


def summarize(record: Record, metrics: Mapping[str, float] | None = None) -> Summary:
    """Return a summary of a run: secret parameters masked, URLs redacted. `metrics` are the last numbers."""
    spec, status, metadata = record["spec"], record["status"], record["metadata"]
    parameters = {**_get_mapping(spec, "parameters"), **_get_mapping(status, "parameters")}  # the latter as converted
    inputs = mask_parameters(_get_mapping(spec, "inputs"))
    return {
        "id": record["id"], "key": record["key"], "project": record["project"], "name": get_run_name(record),
        "kind": record["kind"], "state": status.get("state", ""), "function": spec.get("function"),
        "created": metadata.get("created"), "updated": metadata.get("updated"),
        "started": status.get("started"), "ended": status.get("ended"),
        "seconds": _measure_seconds(status), "called": status.get("called", True),
        "note": metadata.get("description") or "", "tags": format_tags(metadata),
        "parameters": mask_parameters(parameters), "inputs": inputs,
        "results": redact_values(_get_mapping(status, "results"), keep_harmless=True),
        "metrics": json_metrics(metrics or {}),
    } | ({"reused_from": status["reused_from"]} if status.get("reused_from") else {})  # fmt: skip


def _get_mapping(part: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a field of a record that is an object; an empty one for anything else that others have written."""
    value = part.get(name)
    return value if isinstance(value, Mapping) else {}


def get_run_name(record: Record) -> str:
    """Return the name of a run; empty text without one."""
    name = record["metadata"].get("name") or ""
    return "" if name in (_NO_NAME, record["id"]) else str(name)


def get_function_name(key: str | None) -> str:
    """Return the function's name from its key, or from `python://project/name:id`."""
    return (key or "").rpartition("/")[2].partition(":")[0]


def format_tags(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Return the labels of an entity as tags: `k=v` is a tag with a value, a word alone has an empty one."""
    labels = metadata.get("labels") or []
    pairs = [str(label).partition("=") for label in labels] if isinstance(labels, list) else []
    return {key: value for key, _, value in pairs}


def collect_columns(summary: Summary) -> dict[str, Any]:
    """Return the names of all columns: `param.n`, `result.accuracy`, `metric.loss`, `tag.stage` and the plain fields.

    Objects in parameters and results are taken apart: a result `{"accuracy": 1}` called `scores` is
    `result.scores.accuracy`.
    """
    fields = {name: value for name, value in summary.items() if not isinstance(value, dict)}
    fields |= {"function": get_function_name(summary["function"]), "took": summary["seconds"]}
    for prefix, section in _SECTIONS.items():
        for name, value in summary[section].items():
            fields.update(_flatten(f"{prefix}.{name}", value))
    return fields


def select_column(rows: Sequence[Mapping[str, Any]], column: str) -> list[Any] | None:
    """Return a column's value in each row, None where a row lacks it. Return None when no row has the column.

    A column is called by its whole name, or by its end: `accuracy` for `result.scores.accuracy`. Where several end
    alike, it is the parameter, else the input, the result, the last metric, the tag.
    """
    if any(column in row for row in rows):
        return [row.get(column) for row in rows]
    for prefix in _SECTIONS:
        names = dict.fromkeys(name for row in rows for name in row if is_named(name, prefix, column))
        if names:
            return [next((row[name] for name in names if name in row), None) for row in rows]
    return None


def is_named(name: str, prefix: str, column: str) -> bool:
    """Return whether a column that begins with `prefix` ends in the requested name."""
    return name.startswith(f"{prefix}.") and name.endswith(f".{column}")


def find_run(store: EntityStore, text: str, project: str | None) -> keys.EntityKey | None:
    """Return the run that is `latest`, `latest~1` (the one before), or the newest of that name; None for none.

    A run that never called its function is not counted. Errors: InputError for a run before the first one.
    """

    def iterate_called(title: str | None = None) -> Iterator[Record]:
        for record in store.iterate_records("run", project=project, hints=RecordHints(title=title)):
            if record["status"].get("called", True):
                yield record

    if match := re.fullmatch(LATEST, text):
        back = int(match[1] or 0)
        for position, record in enumerate(iterate_called()):
            if position == back:
                return keys.parse_key(record["key"])
        raise InputError(
            f"there is no run {show_value(text)}", hint="`ovenbird runs list` shows the runs that there are"
        )
    if len(text) == _ID and not set(text) - set("0123456789abcdef"):
        return None  # an id, which is looked up without reading all records
    for position, record in enumerate(iterate_called(text)):
        if get_run_name(record) == text:
            return keys.parse_key(record["key"])
        if position == _MOST_READ:
            break
    return None


def parse_moment(text: object) -> datetime | None:
    """Return an ISO 8601 time with its zone, by default UTC; None for an empty text, and for what is no text."""
    if not text or not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(re.sub(r"Z$", "+00:00", text))
    except ValueError:
        return None
    return moment if moment.tzinfo else datetime.fromisoformat(f"{moment.isoformat()}+00:00")


def _flatten(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _flatten(f"{name}.{key}", item)
    else:
        yield name, value


def _measure_seconds(status: Mapping[str, Any]) -> float | None:
    start, end = parse_moment(status.get("started")), parse_moment(status.get("ended"))
    return round((end - start).total_seconds(), 3) if start and end else None
