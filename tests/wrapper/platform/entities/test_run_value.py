"""`run.value`: what a handler returned, read back from what the run has recorded."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ovenbird as ob
from ovenbird.errors import InputError

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a store of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OVENBIRD_HOME", raising=False)
    return tmp_path


def _run(value: Any, outputs: list[Any] | None = None) -> ob.Run:
    def give() -> Any:
        return value

    return ob.function(ob.handler(outputs=outputs)(give) if outputs else give).run(on="here")


@pytest.mark.parametrize("value", [
    pytest.param(None, id="nothing"),
    pytest.param("text", id="text"),
    pytest.param(b"\xff\x00", id="bytes"),
    pytest.param(b"text", id="ascii"),
    pytest.param(2**80, id="large"),
    pytest.param(math.inf, id="infinity"),
    pytest.param([1, {"a": None}], id="list"),
    pytest.param({"rows": [1, 2]}, id="mapping"),
    pytest.param((1, None, "b"), id="tuple"),
    pytest.param((), id="empty"),
    pytest.param([], id="empty-list"),
    pytest.param("x" * 70_000, id="long"),
])  # fmt: skip
def test_a_plain_value_is_read_back(value: Any) -> None:
    """A value that is recorded has its type again, also where a text stands for it."""
    result = _run(value).value
    assert result == value
    assert type(result) is type(value)


def test_stored_values_are_read_back(folder: Path) -> None:
    """A table, an array and a file are read from what was stored, under the names of the outputs."""
    (folder / "notes.txt").write_text("notes")
    run = _run((pd.DataFrame({"a": [1, 2]}), np.arange(3), Path("notes.txt")), ["table", "array", "notes"])
    table, array, notes = run.value
    assert table["a"].tolist() == [1, 2]
    assert array.tolist() == [0, 1, 2]
    assert notes.read_text() == "notes"
    assert run.outputs["table"].as_df()["a"].tolist() == [1, 2]


@pytest.mark.filterwarnings("ignore:output 'output_0' is of type:UserWarning")
def test_a_pickle_is_loaded_for_its_own_process_only() -> None:
    """A pickled value is read back by the process that has run it; a run of another one runs no code here."""
    run = _run({1, 2})
    assert run.value == {1, 2}
    with pytest.raises(InputError, match="runs code of whoever has written it"):
        _ = ob.get(run.key).value


@pytest.mark.filterwarnings("ignore:output 'output_0' is of type:UserWarning")
def test_a_reused_pickle_is_not_loaded(folder: Path) -> None:
    """What an earlier run has pickled may be of anybody, also where a run of this process takes it over."""
    (folder / "make_set.py").write_text("def make(): return {1, 2}\n")
    first, second = (ob.function("make_set.py:make").run(on="here", reuse=True) for _ in range(2))
    assert first.value == {1, 2}
    assert second.status.reused_from == first.key
    with pytest.raises(InputError, match=re.escape(f"it is of {first.key}")):
        _ = second.value


@pytest.mark.parametrize("kind", ["model", "artifact"])
def test_a_file_named_by_a_text_is_not_loaded(folder: Path, kind: str) -> None:
    """The path of a file that somebody else may have pickled is the entity of that file, whatever it ends in."""
    (folder / "model.pkl").write_bytes(b"cbuiltins\neval\n(S'1/0'\ntR.")
    assert _run("model.pkl", [{"name": "m", "kind": kind}]).value.kind == kind


def test_an_entity_that_was_only_logged_is_not_returned() -> None:
    """What a handler has stored itself is an output, and not its value."""

    def keep(project: Any) -> None:
        project.log_artifact("notes", source=__file__)

    run = ob.function(keep).run(on="here")
    assert list(run.outputs) == ["notes"]
    assert run.value is None


@pytest.mark.parametrize(("make", "text"), [
    pytest.param(lambda: ob.function(lambda: 1 / 0).run(on="here", check=False), "is ERROR", id="failed"),
    pytest.param(lambda: _forget_shape(_run((1, 2))), "does not say which", id="old"),
])  # fmt: skip
def test_what_cannot_be_read_back_is_refused(make: Callable[[], ob.Run], text: str) -> None:
    """A run that failed, or that an earlier version has recorded, raises an error that says what to do."""
    run = make()
    with pytest.raises(InputError, match=text):
        _ = run.value


def _forget_shape(run: ob.Run) -> ob.Run:
    del run.status["returned"]
    return run
