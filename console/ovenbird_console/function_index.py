"""Functions of a page: those that the store knows, and those in the files below the start folder, as one list."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ovenbird.errors import OvenbirdError
from ovenbird.platform.store import EntityStore, EntitySummary, Record, RecordHints

from .contracts import parse_target
from .links import find_function
from .record_fields import summarize_run
from .targets import FoundTarget, find_targets

_RUNS = 500  # newest runs in which the last one of each function is looked for


@dataclass(frozen=True)
class FunctionEntry:
    """A function: its target below the folder (empty where none is known), its record's summary, its last run."""

    name: str
    target: str = ""
    summary: str = ""
    project: str = ""
    revision: EntitySummary | None = None
    last_run: EntitySummary | None = None


def list_functions(store: EntityStore, folder: Path) -> list[FunctionEntry]:
    """Return all functions, by name; two queries of the store, however many there are."""
    recorded = store.list_summaries("function", versions=False, limit=1000)
    last_runs = find_last_runs(store.list_summaries("run", limit=_RUNS))
    entries = [
        FunctionEntry(row.name, "", "", row.project, row, last_runs.get((row.project, row.name))) for row in recorded
    ]
    names = {row.name: index for index, row in reversed(list(enumerate(recorded)))}
    for target in find_targets(folder):
        if (index := names.get(target.name)) is not None and not entries[index].target:
            known = entries[index]
            entries[index] = FunctionEntry(
                known.name, target.text, target.summary, known.project, known.revision, known.last_run
            )
        else:
            entries.append(FunctionEntry(target.name, target.text, target.summary))
    return sorted(entries, key=lambda entry: (entry.name.lower(), entry.project, entry.target))


def find_last_runs(rows: Iterable[EntitySummary]) -> dict[tuple[str, str], EntitySummary]:
    """Return the newest run of each function, by project and name."""
    last: dict[tuple[str, str], EntitySummary] = {}
    for row in rows:
        if key := find_function(row.function):
            last.setdefault((row.project, key.name), row)
    return last


def find_runs_of(store: EntityStore, project: str, name: str, limit: int = 20) -> list[EntitySummary]:
    """Return the newest runs of all revisions of a function; of Core, those among its newest 500."""
    records = store.iterate_records("run", project=project, hints=RecordHints(function=name))
    rows = map(summarize_run, islice(records, _RUNS))
    return list(islice((row for row in rows if (key := find_function(row.function)) and key.name == name), limit))


def find_target_of(record: Record, folder: Path) -> str:
    """Return the target of a recorded function on this machine: below the folder by its name, else as recorded.

    Empty where neither exists.
    """
    target = next((entry for entry in find_targets(folder) if entry.name == record["name"]), None)
    if target is not None:
        return target.text
    source = record["spec"].get("source") or {}
    module, _, attribute = str(source.get("handler") or "").rpartition(":")
    root = source.get("root")
    if not isinstance(root, str) or not module:
        return ""
    text = f"{Path(root).joinpath(*module.split('.')).with_suffix('.py')}:{attribute}"
    try:
        parse_target(text, folder)
    except OvenbirdError:
        return ""
    return text


def find_target_of_run(store: EntityStore, record: Record, folder: Path) -> str:
    """Return the target of a run: as it was typed, seen from the folder, else that of its function; empty for none."""
    launch = record["status"].get("launch") or {}
    text, start = str(launch.get("target") or ""), str(launch.get("folder") or "")
    path, _, _ = text.partition(":")
    if text and start and Path(start) != folder and (Path(start) / path).exists():
        text = str(Path(start) / text)
    try:
        if text:
            parse_target(text, folder)
            return text
    except OvenbirdError:
        pass
    try:
        key = find_function(record["spec"].get("function"))
        return find_target_of(store.read(key), folder) if key else ""
    except OvenbirdError:
        return ""


def find_entry(folder: Path, text: str) -> FoundTarget:
    """Return the entry of a target, with its summary where it lies below the folder. Errors: LoadError."""
    target = parse_target(text, folder)
    for entry in find_targets(folder):
        if entry.text == text:
            return entry
    name = target.function.name if target.function else target.attribute.rpartition(".")[2]
    return FoundTarget(text, target.module.rpartition(".")[2] if name == "handler" else name)
