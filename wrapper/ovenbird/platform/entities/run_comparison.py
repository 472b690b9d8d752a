"""Several runs side by side: every field with its value in each run, and whether they differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

from ...common.redact import redact_values
from ...errors import InputError
from .. import keys
from ..store import EntityStore, Record
from .run_summary import Summary, collect_columns, summarize

_ALWAYS_OTHER = ("id", "key", "name", "started", "ended", "created", "updated")  # to mark these would say nothing
_PLAIN = ("id", "name", "state", "function", "started", "took", "note")
_CODE = ("handler", "source", "revision", "digest", "lock", "image")


class ComparedField(NamedTuple):
    """One line of a comparison. A value is None where the run lacks the field."""

    name: str
    values: tuple[Any, ...]
    differs: bool


def compare_runs(store: EntityStore, runs: Sequence[keys.EntityKey], *, changed: bool = False) -> list[ComparedField]:
    """Return the fields of the runs of these keys, as `compare_records`. Errors: InputError for one that is missing."""
    return compare_records(store, [store.read(key) for key in runs], changed=changed)


def compare_records(store: EntityStore, records: Sequence[Record], *, changed: bool = False) -> list[ComparedField]:
    """Return the fields of runs that were read with their metrics.

    These are state and time, code, parameters, inputs, results, last metrics, tags, packages.
    Packages and the machine are returned only where they differ; with `changed`, all fields are.
    """
    read_source = cache(partial(_read_source, store))  # runs that are compared are often of one function
    columns = [
        _collect_fields(record, summarize(record, _list_last_numbers(record)), read_source) for record in records
    ]
    names = sorted(dict.fromkeys(name for column in columns for name in column), key=_rank_field)
    fields = []
    for name in names:
        values = tuple(column.get(name) for column in columns)
        cells = [_round_seconds(value) for value in values] if name == "took" else values
        differs = name not in _ALWAYS_OTHER and any(_have_differences(cells[0], value) for value in cells[1:])
        if differs or not (changed or name.startswith(_DETAILS)) or (changed and name in ("id", "name")):
            fields.append(ComparedField(name, values, differs))
    return fields


_SECTIONS = ("code.", "param.", "input.", "consumed.", "result.", "metric.", "tag.", "python", "package.")
_DETAILS = ("package.", "machine.")


def _rank_field(name: str) -> tuple[int, int]:
    """Return the sort key of a field: plain fields come first, then the sections in order, then unknown ones."""
    if name in _PLAIN:
        return 0, _PLAIN.index(name)
    section = next((index for index, start in enumerate(_SECTIONS, 1) if name.startswith(start)), len(_SECTIONS) + 1)
    return section, 0


def _list_last_numbers(record: Record) -> dict[str, float]:
    metrics = record["status"].get("metrics") or {}
    series = {name: value if isinstance(value, list) else [value] for name, value in metrics.items()}
    return {name: numbers[-1] for name, numbers in series.items() if numbers}


def _collect_fields(
    record: Record, summary: Summary, read_source: Callable[[str], Mapping[str, Any]]
) -> dict[str, Any]:
    values = collect_columns(summary)
    fields = {name: values[name] for name in _PLAIN if values.get(name) not in (None, "") or name == "state"}
    fields |= _describe_code(record, read_source)
    fields |= {name: value for name, value in values.items() if "." in name}
    for link in record["metadata"].get("relationships") or []:
        if link.get("type") == "consumes" and keys.is_key(link.get("dest")):
            entity = keys.parse_key(link["dest"])
            fields[f"consumed.{entity.name}"] = entity.id
    provenance = redact_values(record["status"].get("provenance") or {}, keep_harmless=True)
    for name, value in provenance.items():
        if name == "packages" and isinstance(value, Mapping):
            fields |= {f"package.{package}": version for package, version in value.items()}
        elif name == "python":
            fields["python"] = value
        elif name == "machine":
            fields |= _flatten(name, value)
        elif name not in (*_CODE, "source", "command"):  # a command repeats parameters and inputs
            fields |= _flatten(f"machine.{name}", value)
    return fields


def _read_source(store: EntityStore, function: str) -> Mapping[str, Any]:
    """Return the source of a function by its key; an empty one where it was removed."""
    try:
        source: Mapping[str, Any] = store.read(keys.parse_key(function))["spec"].get("source") or {}
    except InputError:
        return {}
    return source


def _describe_code(record: Record, read_source: Callable[[str], Mapping[str, Any]]) -> dict[str, Any]:
    """Return the function and its version."""
    provenance = record["status"].get("provenance") or {}
    function = record["spec"].get("function")
    source = read_source(function) if keys.is_key(function) else {}
    code = {**source, **(provenance.get("source") or {}), **{name: provenance.get(name) for name in ("lock", "image")}}
    values = redact_values({name: code.get(name) for name in _CODE}, keep_harmless=True)
    return {f"code.{name}": value for name, value in values.items() if value}


def _flatten(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping) and value:
        return {key: leaf for part, item in value.items() for key, leaf in _flatten(f"{name}.{part}", item).items()}
    return {name: value}


def _round_seconds(seconds: Any) -> Any:
    return seconds if seconds is None else round(seconds, 1)


def _have_differences(first: Any, other: Any) -> bool:
    return bool(first != other) or isinstance(first, bool) != isinstance(other, bool)
