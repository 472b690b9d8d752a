"""What a list of runs and a function show of themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ovenbird as ob
from ovenbird.platform.local.store import LocalStore


def train(run: Any, depth: int = 3, kind: str = "<a>") -> int:
    """Train <something>."""
    del run, kind
    return depth


def test_the_table(store: LocalStore, record_run: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Text, HTML and DataFrame have the parameters that differ, results and last metrics; names are escaped."""
    monkeypatch.setenv("OVENBIRD_HOME", str(store.home))
    monkeypatch.setenv("COLUMNS", "200")
    record_run({"n": 1}, {"rows": 5}, {"loss": [3.0, 2.5]}, name="<b>first</b>")
    record_run({"n": 2}, {"rows": 5}, {"loss": [2.0, 1.5]})
    runs = ob.runs(function="train")
    head, titles, *lines = repr(runs).splitlines()
    assert head == "Runs 2"
    assert titles.split() == ["id", "name", "state", "function", "started", "took", "n", "rows", "loss"]
    assert [line.split()[-3:] for line in lines] == [["2", "5", "1.5"], ["1", "5", "2.5"]]
    html = runs._repr_html_()
    assert "&lt;b&gt;first&lt;/b&gt;" in html
    assert "<b>" not in html
    frame = runs.as_df()
    assert list(frame["param.n"]) == [2, 1]
    assert list(frame["metric.loss"]) == [1.5, 2.5]
    assert "limit=None returns all" in repr(ob.runs(limit=1))
    assert repr(ob.runs(name="nosuch")).splitlines()[0] == "Runs 0"


def test_a_function_shows_its_parameters(tmp_path: Path) -> None:
    """Its docstring, hints and defaults, escaped; a target is not imported."""
    bundle = ob.function(train)._repr_mimebundle_()
    assert {"    depth  int   3", "    kind   str   '<a>'"} <= set(bundle["text/plain"].splitlines())
    assert "Train &lt;something&gt;." in bundle["text/html"]
    path = tmp_path / "broken.py"
    path.write_text("raise SystemExit('imported')\ndef train(): ...\n")
    assert f"Function {path}:train" in ob.function(f"{path}:train")._repr_mimebundle_()["text/plain"]
