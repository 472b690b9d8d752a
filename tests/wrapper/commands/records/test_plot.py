"""Metrics as plots of text."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from ovenbird.commands.records.plot import plot_metrics
from ovenbird.platform.local.store import LocalStore

Record = Callable[..., str]


def test_a_series_is_drawn_from_its_least_to_its_greatest() -> None:
    """The first number at the top, the last at the bottom, with the axis' ends and a title."""
    title, *lines = plot_metrics({"loss": [8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0]}, 40, braille=False).splitlines()
    assert title == "loss: 1  (8 values, least 1, greatest 8)"
    assert (lines[0].split("|")[0].strip(), lines[-1].split("|")[0].strip()) == ("8", "1")
    drawn = [line.split("|")[1] for line in lines]
    assert len(drawn) == 8
    starts = [len(line) - len(line.lstrip()) for line in drawn]
    assert starts == sorted(starts)
    assert drawn[0].startswith("*")
    assert max(map(len, drawn)) == len(drawn[-1])


def test_spikes_are_seen_among_many_numbers() -> None:
    """Thousands of numbers share a column: the greatest of them still reaches the top."""
    lines = plot_metrics({"m": [0.0] * 5000 + [9.0] + [0.0] * 5000}, 60).splitlines()
    assert max(map(len, lines)) <= 60
    assert lines[1].lstrip().startswith("9 |")
    assert any(ord(mark) > 0x2800 for mark in lines[1])
    assert len(lines) == 9


@pytest.mark.parametrize(
    ("value", "title"),
    [
        (0.5, "m: 0.5"),
        ([0.5], "m: 0.5"),
        ([], "m: no number"),
        ("NaN", "m: nan"),
        ([math.nan, 1.0, math.inf, 2.0], "m: 2  (4 values, least 1, greatest 2, 2 not finite)"),
        ([3.0, 3.0], "m: 3  (2 values, least 3, greatest 3)"),
        ([-1e308, 1e308], "m: 1e+308  (2 values, least -1e+308, greatest 1e+308)"),
        ([math.nan, math.nan], "m: nan"),
    ],
    ids=["number", "one of a series", "none", "text", "not finite", "flat", "greatest floats", "nothing finite"],
)
def test_odd_metrics(value: Any, title: str) -> None:
    """Each metric has its title, and a plot where it has finite numbers."""
    lines = plot_metrics({"m": value}, 80).splitlines()
    assert (lines[0], len(lines)) == (title, 9 if "values" in title else 1)


def test_show_plot(record_run: Record, run_verb: Callable[..., str], terminal: Callable[..., str]) -> None:
    """`runs show --plot` draws every metric, as wide as the terminal at most."""
    record_run(metrics={"train/loss": [3.0, 2.0, 1.0], "final": 0.5})
    text = run_verb("runs", "show", "latest", "--plot")
    assert "train/loss: 1  (3 values" in text
    assert "final: 0.5" in text
    record_run(metrics={"loss": list(range(1000))})
    assert max(map(len, terminal("runs", "show", "latest", "--plot", columns=50).splitlines())) <= 50
    record_run()
    assert run_verb("runs", "show", "latest", "--plot") == ""
    assert json.loads(run_verb("runs", "show", "latest"))["status"]["state"] == "COMPLETED"


def test_the_metrics_of_a_model(store: LocalStore, run_verb: Callable[..., str]) -> None:
    """Models have metrics too."""
    from ovenbird.platform.project.project import Project

    Project(store, "p", {}).log_model("m", data=b"x").log_metrics({"f1": [0.1, 0.9]})
    assert run_verb("models", "show", "m", "--plot").startswith("f1: 0.9")
