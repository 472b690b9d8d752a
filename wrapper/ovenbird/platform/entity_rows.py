"""What stores with tables of their own share and few calls need: metrics from rows, what a wrong key lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from ..common.text import show_value
from ..errors import InputError
from .keys import EntityKey
from .store import EntitySummary, Record

ListValues = Callable[[str, Mapping[str, str]], list[str]]
"""Returns the distinct values of a column among the entities that fit the filters, the newest 20."""


def describe_missing(key: EntityKey, list_values: ListValues) -> InputError:
    """Return the error that names the wrong part of the key, and what exists instead."""

    def holds(values: Sequence[str], column: str, value: str, filters: Mapping[str, str]) -> bool:
        return value in values or bool(list_values(column, {**filters, column: value}))  # the hint lists the newest

    label = str(key) if key.kind else f"{key.type} {show_value(key.name)}"
    projects = list_values("project", {})
    if not holds(projects, "project", key.project, {}):
        return InputError(
            f"{label}: no project {show_value(key.project)}", hint=_format_names("projects here", projects)
        )
    filters = {"project": key.project, "type": key.type}
    names = list_values("name", filters)
    if key.type != "run" and not holds(names, "name", key.name, filters):
        return InputError(
            f"{label}: no {key.type} named {show_value(key.name)} in {key.project}",
            hint=_format_names("there are", names),
        )
    kinds = list_values("kind", {**filters, "name": key.name})
    if kinds and key.kind and key.kind not in kinds:
        return InputError(
            f"{label}: {show_value(key.name)} is not of kind {show_value(key.kind)}",
            hint=_format_names("its kinds", kinds),
        )
    is_run = key.type == "run"  # which has one version
    return InputError(
        f"{label}: no {key.type} with id {show_value(key.id)}",
        hint="`ovenbird runs list --all` lists them" if is_run else "leave the id out for the latest version",
    )


def make_bare_record(row: EntitySummary) -> Record:
    """Return a record made of the columns of an entity, for one whose record cannot be read."""
    spec, status = {"function": row.function}, {"state": row.state, "started": row.started, "ended": row.ended}
    identity = {name: getattr(row, name) for name in ("project", "type", "kind", "name", "id", "key")}
    return {**identity, "user": "", "metadata": {"created": row.created}, "spec": spec, "status": status}


def make_series(rows: Iterable[tuple[str, int, Sequence[float | None]]]) -> dict[str, float | list[float]]:
    """Return metrics from rows `(name, step, numbers)` in the order of their steps.

    A lone step 0 is a single number; None stands for NaN.
    """
    values: dict[str, list[float]] = {}
    first: dict[str, int] = {}
    for name, step, numbers in rows:
        first.setdefault(name, step)
        values.setdefault(name, []).extend(float("nan") if number is None else number for number in numbers)
    return {name: numbers[0] if first[name] == 0 and len(numbers) == 1 else numbers for name, numbers in values.items()}


def _format_names(label: str, names: Sequence[str]) -> str:
    return f"{label}: {', '.join(names)}" if names else f"{label}: none"
