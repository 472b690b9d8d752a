"""Convert entities between Core's form and ours. Pure functions."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...common.named_paths import is_file
from .. import keys
from ..store import FINAL, EntitySummary, Record

Entity = dict[str, Any]
FILES_IN_STATUS = 100  # more of them go to an address of their own
_OURS = (
    "outputs", "results", "message", "error", "parameters", "provenance", "imports", "started", "ended", "seconds",
    "called", "reuse", "reused_from",
)  # fmt: skip
"""What a runtime writes into the status of a run; the rest is Core's and the cluster's."""
NEWEST_PYTHON = (3, 13)  # that Core 0.15 knows: it refuses a function of another
_LONGEST_SOURCE = 1024 * 1024  # bytes; more is not put inline into a function


def to_core(record: Record) -> Entity:
    """Return the entity in Core's form, without its metrics and its type: both have their place elsewhere."""
    status = {name: value for name, value in record["status"].items() if name != "metrics"}
    if len(status.get("files") or []) > FILES_IN_STATUS:
        status["files"] = []
    entity = {**record, "status": status}
    del entity["type"]
    if record["type"] == "run":
        spec = {name: value for name, value in record["spec"].items() if value is not None}
        if "function" in spec:
            spec["function"] = format_function(spec["function"])
        entity |= {"spec": spec}
    return entity


def from_core(entity_type: str, entity: Entity) -> Record:
    """Return the entity in our form: with its type, and a run's key in the form that relations use."""
    record = {"user": "", **entity, "type": entity_type}
    for part in ("metadata", "spec", "status"):
        record[part] = dict(record.get(part) or {})
    record["metadata"]["relationships"] = list(record["metadata"].get("relationships") or [])
    if entity_type == "run":
        record["key"] = str(keys.run_key(record["project"], record["id"], record["kind"]))
    return record


def to_summary(entity_type: str, entity: Entity) -> EntitySummary:
    """Return the summary for a listing."""
    metadata, status = entity.get("metadata") or {}, entity.get("status") or {}
    fields = {name: str(entity.get(name) or "") for name in ("project", "kind", "name", "id")}
    return EntitySummary(
        type=entity_type, **fields, state=str(status.get("state") or ""), created=str(metadata.get("created") or ""),
        updated=str(metadata.get("updated") or ""), function=(entity.get("spec") or {}).get("function"),
        started=status.get("started"), ended=status.get("ended"),
    )  # fmt: skip


def merge_run(current: Entity, ours: Record, annotations: Mapping[str, Any], *, owned: bool) -> Entity:
    """Return the run as Core has it, with the fields that Ovenbird owns replaced by ours.

    Relations are added, never dropped. The state is ours only when the run is (`owned`), and a final one stays.
    """
    status = dict(current.get("status") or {})
    final = status.get("state") in FINAL
    for name in _OURS:
        if name in ours["status"] and not (final and name == "message" and status.get("message")):
            status[name] = ours["status"][name]
    if owned and not final:
        state = ours["status"]["state"]
        # somebody has asked Core to stop it: from there a run comes to STOPPED or ERROR only
        status["state"] = "STOPPED" if status.get("state") == "STOP" and state == "COMPLETED" else state
    metadata = dict(current.get("metadata") or {})
    relationships = list(metadata.get("relationships") or [])
    added = [link for link in ours["metadata"].get("relationships") or [] if link not in relationships]
    metadata["relationships"] = relationships + added
    metadata |= annotations
    return {**current, "metadata": metadata, "status": status}


def format_function(key: str) -> str:
    """Return `python://project/name:id` for the key of a function, as runs and tasks name it."""
    if not keys.is_key(key):
        return key
    parsed = keys.parse_key(key)
    return f"{parsed.kind}://{parsed.project}/{parsed.name}:{parsed.id}"


def parse_function(text: str) -> str:
    """Return the key of a function from `python://project/name:id`; empty text for any other form."""
    kind, colon, rest = text.partition("://")
    project, slash, name = rest.partition("/")
    if keys.is_key(text) or not (colon and slash and name):
        return text if keys.is_key(text) else ""
    return f"{keys.SCHEME}{project}/function/{kind}/{name}"


def to_function_spec(spec: Mapping[str, Any], version: str) -> dict[str, Any]:
    """Return a function's spec that Core can run: the source of a single file is inline, as the platform's tools do it.

    `spec` is what a run here records; `version` is `3.12`. What tells revisions apart here (digest, commit) is kept
    with the run: Core drops fields that it does not know.
    """
    source = spec.get("source") or {}
    handler = str(source.get("handler") or "")
    core_source = {"handler": handler, "lang": "python"}
    location = str(source.get("source") or "")
    file = Path(str(source.get("root") or "."), *handler.partition(":")[0].split(".")).with_suffix(".py")
    if "://" in location:
        core_source["source"] = location
    elif is_file(file) and file.stat().st_size <= _LONGEST_SOURCE:
        core_source |= {"source": file.name, "base64": b64encode(file.read_bytes()).decode()}
    elif location:
        core_source["source"] = location
    core_spec: dict[str, Any] = {"source": core_source, "python_version": to_core_python(version)}
    if spec.get("requirements"):
        core_spec["requirements"] = list(spec["requirements"])
    return core_spec


def to_core_python(version: str) -> str:
    """Return Core's name of a Python version; for one that is too new for Core, the newest that Core knows."""
    numbers = tuple(map(int, version.split(".")[:2]))
    return "PYTHON{}_{}".format(*min(numbers, NEWEST_PYTHON))


def contains_values(stored: Any, expected: Any) -> bool:
    """Return whether `stored` has all of `expected`, at any depth; Core may have added defaults."""
    if isinstance(expected, dict):
        return isinstance(stored, dict) and all(
            contains_values(stored.get(name), value) for name, value in expected.items()
        )
    return bool(stored == expected)
