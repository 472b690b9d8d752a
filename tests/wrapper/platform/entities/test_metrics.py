"""Metrics are numbers and series, the same in both stores."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy
import pandas
import pytest
from tests.core.server import Double

from ovenbird.errors import InputError
from ovenbird.platform.core.store import DigitalHubStore
from ovenbird.platform.entities.metrics import json_metrics
from ovenbird.platform.entities.run import Run, start_run
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.project.project import Project


@pytest.fixture(params=["local", "core"])
def run(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Run]:
    """A run in either store."""
    if request.param == "local":
        local = LocalStore(tmp_path / "home")
        yield start_run(local, "p", {})
        local.close()
        return
    core: Double = request.getfixturevalue("core")
    store = DigitalHubStore(core.environ(), 1.0)
    yield run_on(store, core)
    store.close()


def run_on(store: DigitalHubStore, core: Double) -> Run:
    """A run of some function on Core."""
    environ = core.environ()
    function = Project(store, "p", environ).register_function("f", {"source": {"handler": "f:handler"}})
    return start_run(store, "p", environ, function=function.key)


def read_metrics(run: Run) -> Any:
    """The metrics as they are read back; those in memory are the same."""
    metrics = run.status.metrics.to_dict()
    run.refresh()
    assert run.status.metrics.to_dict() == metrics
    return metrics


def test_a_loop_of_log_metrics_keeps_every_value(run: Run) -> None:
    """The first number stays a number, the next ones make a series of it."""
    run.log_metrics({"loss": 3, "accuracy": 0.5})
    assert read_metrics(run) == {"loss": 3.0, "accuracy": 0.5}
    for step in (2, 1):
        run.log_metrics({"loss": step})
    assert read_metrics(run) == {"loss": [3.0, 2.0, 1.0], "accuracy": 0.5}


def test_metrics_that_were_read_stay_as_they_were(run: Run) -> None:
    """What `metrics` returned does not grow with the run, and a change of it is none of the run's."""
    run.log_metric("loss", 1.0)
    before = run.metrics
    run.log_metric("loss", 2.0)
    run.metrics["loss"].append(9.0)
    assert (before, run.metrics) == ({"loss": [1.0]}, {"loss": [1.0, 2.0]})


def test_ways_of_logging_can_be_mixed(run: Run) -> None:
    """log_metric, log_metrics and refresh in any order lose nothing."""
    run.log_metrics({"loss": 5})
    run.log_metric("loss", 4)
    run.refresh()
    run.log_metrics({"loss": [3, 2]})
    run.log_metric("loss", 1)
    run.log_metric("other", [1, 2])
    run.log_metrics({"other": 3})
    assert read_metrics(run) == {"loss": [5.0, 4.0, 3.0, 2.0, 1.0], "other": [1.0, 2.0, 3.0]}


def test_overwrite_starts_anew(run: Run) -> None:
    """With overwrite what was there is dropped, in either way of logging."""
    run.log_metrics({"a": [1, 2], "b": 1, "c": 1})
    run.log_metrics({"a": 3, "b": [4, 5]}, overwrite=True)
    run.log_metric("c", 6, overwrite=True)
    assert read_metrics(run) == {"a": 3.0, "b": [4.0, 5.0], "c": [6.0]}
    run.log_metric("a", 7, single_value=True)
    assert read_metrics(run)["a"] == 7.0


@pytest.mark.parametrize("name", ["train/loss", "val loss", "f1 (macro)", "loss%", "précision", "a;b", "..", "x" * 300])
def test_any_text_is_a_name(run: Run, name: str) -> None:
    """No name ends a run after hours. On Core, what its web server refuses in an address becomes a dot."""
    run.log_metric(name, 1)
    run.log_metrics({name: 2})
    run._store.close()
    metrics = run.status.metrics.to_dict()
    assert metrics == {name: [1.0, 2.0]}
    assert list(run.refresh().status.metrics.to_dict().values()) == [[1.0, 2.0]]


def test_names_on_core(core: Double) -> None:
    """A slash is a dot there."""
    store = DigitalHubStore(core.environ(), 1.0)
    run_entity = run_on(store, core)
    run_entity.log_metrics({"train/loss": 1, "loss%": 2, "..": 3, "val loss": 4})
    store.close()
    assert core.entities.metrics[run_entity.id] == {"train.loss": 1.0, "loss.": 2.0, "__": 3.0, "val loss": 4.0}


@pytest.mark.parametrize("name", ["", " ", 3, None])
def test_a_name_is_a_text(run: Run, name: Any) -> None:
    """An empty one, and what is no text, is refused before anything is stored."""
    with pytest.raises(InputError, match="metric name"):
        run.log_metrics({"good": 1, name: 1})
    assert not run.status.metrics


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, 1.0),
        (Decimal("0.5"), 0.5),
        (Fraction(1, 2), 0.5),
        (numpy.float32(0.5), 0.5),
        (numpy.bool_(False), 0.0),
        (numpy.int64(3), 3.0),
        (numpy.array(2), 2.0),
        (numpy.array([1, 2]), [1.0, 2.0]),
        (pandas.Series([1, 2]), [1.0, 2.0]),
        ((1, Decimal(2)), [1.0, 2.0]),
        (range(2), [0.0, 1.0]),
    ],
)
def test_values(run: Run, value: Any, expected: Any) -> None:
    """Whatever is a number counts as one."""
    run.log_metrics({"m": value})
    assert read_metrics(run) == {"m": expected}


def test_numbers_that_are_not_finite(tmp_path: Any) -> None:
    """The local store holds NaN and both infinities as numbers; JSON has them as text."""
    store = LocalStore(tmp_path / "home")
    run_entity = start_run(store, "p", {})
    run_entity.log_metric("m", [math.nan, math.inf, -math.inf, 1])
    run_entity.log_metrics({"n": math.nan})
    assert json_metrics(run_entity.refresh().status.metrics.to_dict()) == {
        "m": ["NaN", "Infinity", "-Infinity", 1.0],
        "n": "NaN",
    }
    store.close()
