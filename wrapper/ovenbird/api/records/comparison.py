"""Compare runs that are called by key, name, id or `latest`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...errors import InputError
from ...platform.entities.run_comparison import ComparedField, compare_runs
from ...platform.keys import EntityKey
from ...platform.queries import locate_entity
from ...platform.store import EntityStore


class RunComparison(NamedTuple):
    """The compared runs, and each field with its value in each of them."""

    runs: list[EntityKey]
    fields: list[ComparedField]


def compare_named_runs(
    store: EntityStore, names: Sequence[str], project: str | None = None, *, changed: bool = False
) -> RunComparison:
    """Compare runs side by side; with `changed`, only fields that differ. Errors: InputError for fewer than two."""
    if len(names) < 2:
        raise InputError("one run alone cannot be compared", hint="`ovenbird runs compare latest~1 latest`")
    runs = [locate_entity(store, "run", name, project) for name in names]
    return RunComparison(runs, compare_runs(store, runs, changed=changed))
