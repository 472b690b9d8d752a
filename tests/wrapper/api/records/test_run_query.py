"""Runs are found by what went in and what came out; the list says what was left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ovenbird.api.records.run_query import RunQuery, find_runs, parse_since
from ovenbird.api.records.tagging import TagChange, tag_run
from ovenbird.errors import InputError
from ovenbird.platform.keys import run_key
from ovenbird.platform.local.store import LocalStore


@pytest.fixture
def trained_runs(record_run: Callable[..., str]) -> list[str]:
    """Three runs: ids, oldest first; the last never called its function."""
    return [
        record_run({"n": 1}, {"rows": 5}, {"loss": [3.0, 2.5]}, name="first"),
        record_run({"n": 2}, {"rows": 5}, {"loss": [2.0, 1.5]}, name="second", tags={"stage": "dev"}),
        record_run({"n": True}, status={"called": False}),
    ]


@pytest.mark.parametrize(
    ("where", "expected"),
    [((("n", 2),), [1]), ((("n", "2"),), [1]), ((("loss", 2.5),), [0]), ((("rows", 5), ("tag.stage", "dev")), [1]),
     ((("n", 1.0),), [0]), ((("nosuch", None),), [])],
    ids=["number", "text", "metric", "two", "float", "unknown"],
)  # fmt: skip
def test_conditions_take_values_and_text(
    store: LocalStore, trained_runs: list[str], where: tuple[tuple[str, Any], ...], expected: list[int]
) -> None:
    """A condition holds a value of the API or a text of the command line; `True` is not 1."""
    runs = find_runs(store, RunQuery(where=where))
    assert [summary["id"] for summary in runs.runs] == [trained_runs[index] for index in expected]


def test_the_list_says_what_it_leaves_out(store: LocalStore, trained_runs: list[str]) -> None:
    """More runs than the limit, and runs that never called their function."""
    one = find_runs(store, RunQuery(limit=1))
    assert ([summary["id"] for summary in one.runs], one.is_truncated, one.hidden) == ([trained_runs[1]], True, 1)
    two = find_runs(store, RunQuery(limit=2))
    assert (len(two.runs), two.is_truncated) == (2, False)
    every = find_runs(store, RunQuery(with_uncalled=True, limit=None))
    assert [summary["id"] for summary in every.runs] == trained_runs[::-1]
    assert two.columns == ["id", "name", "state", "function", "started", "took", "param.n", "result.rows",
                           "metric.loss"]  # fmt: skip
    assert two.select_columns(["n", "loss"]) == {"n": [2, 1], "loss": [1.5, 2.5]}
    with pytest.raises(InputError, match="no run listed has a column 'los'"):
        two.select_columns(["los"])


@pytest.mark.parametrize(
    ("query", "expected"),
    [(RunQuery(function="train"), [1, 0]), (RunQuery(function="tra%n"), []), (RunQuery(function="other"), [3]),
     (RunQuery(name="second"), [1]), (RunQuery(since=parse_since("1h")), [3, 1, 0]),
     (RunQuery(since=parse_since("2999-01-01")), []), (RunQuery(state="error"), [])],
    ids=["function", "no pattern", "other", "name", "hour", "future", "state"],
)  # fmt: skip
def test_the_store_leaves_out_what_does_not_fit(
    store: LocalStore, trained_runs: list[str], record_run: Callable[..., str], query: RunQuery, expected: list[int]
) -> None:
    """Function, name, time and state are asked of the store, with the answer that reading all records has."""
    trained_runs.append(record_run(function="other"))
    assert [summary["id"] for summary in find_runs(store, query).runs] == [trained_runs[index] for index in expected]


def test_a_name_that_is_given_later_is_found(store: LocalStore, trained_runs: list[str]) -> None:
    """A run is found by the name that `runs tag --name` gave it, and no longer by the one before."""
    tag_run(store, run_key("p", trained_runs[0]), TagChange(name="best"))
    assert [len(find_runs(store, RunQuery(name=name)).runs) for name in ("best", "first")] == [1, 0]


def test_since_takes_an_age_or_a_time() -> None:
    """A time without a zone is local; anything else says what is expected."""
    assert parse_since("2024-05-01T12:00Z").timestamp() == 1714564800
    with pytest.raises(ValueError, match="an age such as 30m"):
        parse_since("yesterday")
