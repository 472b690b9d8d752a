"""`ovenbird.runs`, `get` and `project`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import ovenbird as ob
from ovenbird.errors import InputError, OvenbirdError, SettingsError

pytestmark = pytest.mark.slow


def test_runs_are_found(folder: Path) -> None:
    """Runs are found by state, function, time and values, newest first; a key and an id name the same run."""
    train = ob.function("train.py:train")
    runs = [train.run(depth=depth, fail=depth == 2, on="here", check=False) for depth in (1, 2, 3)]
    ids = [run.id for run in runs]
    assert [run.id for run in ob.runs()] == ids[::-1]
    assert [run.id for run in ob.runs(state="ERROR", function="train", since="1h")] == [ids[1]]
    assert [row["id"] for row in ob.runs(where={"param.depth": 3}, since=timedelta(hours=1)).rows] == [ids[2]]
    with pytest.raises(SettingsError, match="limit: expected a whole number from 1, found -1"):
        ob.runs(limit=-1)
    some = ob.runs(limit=2)
    assert (len(some), some.is_truncated, some[0].value, [run.id for run in some[1:]]) == (2, True, 6, [ids[1]])
    assert ob.get(runs[0].key).id == ob.get(ids[0]).id == ids[0]


def test_entities_are_read(folder: Path) -> None:
    """A project of the store keeps entities, and a key reads them again."""
    item = ob.project("fruit").log_artifact("notes", source="train.py")
    assert ob.get(item.key).as_path().read_text() == (folder / "train.py").read_text()


@pytest.mark.parametrize(("call", "error", "text"), [
    pytest.param(lambda: ob.get("store://a/b"), InputError, "2 parts", id="key"),
    pytest.param(lambda: ob.get(5), InputError, "found 5", id="number"),
    pytest.param(lambda: ob.get("none"), InputError, "no run 'none'", id="name"),
    pytest.param(lambda: ob.runs(state="DONE"), InputError, "'DONE'", id="state"),
    pytest.param(lambda: ob.runs(since="soon"), SettingsError, "since='soon'", id="since"),
])  # fmt: skip
def test_wrong_questions_are_refused(
    folder: Path, call: Callable[[], Any], error: type[OvenbirdError], text: str
) -> None:  # fmt: skip
    """A question that cannot be answered raises a typed error that names what was found."""
    with pytest.raises(error, match=text):
        call()
