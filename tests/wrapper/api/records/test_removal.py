"""Entities are checked, all of them, before the first one is removed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ovenbird.api.records.removal import RemovalQuery, plan_removals, remove_planned
from ovenbird.errors import InputError, PlatformError
from ovenbird.platform.entities.run import start_run
from ovenbird.platform.local.store import LocalStore


def test_one_named_twice_is_removed_once(store: LocalStore, record_run: Callable[..., str]) -> None:
    """`runs rm latest latest` means one run, whatever each word is read as after the first removal."""
    older, newer = record_run(), record_run()
    removals = plan_removals(store, RemovalQuery("run", ["latest", "latest", newer]), {})
    assert list(remove_planned(store, removals, {})) == [f"store://p/run/python+job:run/{newer}:{newer}"]
    assert [row.id for row in store.list_summaries("run")] == [older]


def test_nothing_is_removed_beside_a_run_that_goes_on(store: LocalStore, record_run: Callable[..., str]) -> None:
    """A running run, or a name that does not exist, is an error before anything is gone."""
    ended, running = record_run(), start_run(store, "p", {})
    with pytest.raises(PlatformError, match="still running, in process"):
        plan_removals(store, RemovalQuery("run", [ended, running.id]), {})
    with pytest.raises(InputError, match="no run 'nosuch'"):
        plan_removals(store, RemovalQuery("run", [ended, "nosuch"]), {})
    assert {row.id for row in store.list_summaries("run")} == {ended, running.id}
