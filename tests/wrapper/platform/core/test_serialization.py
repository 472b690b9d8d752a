"""Entities between Core's form and ours."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from ovenbird.platform.core import serialization
from ovenbird.platform.entities.entity import new_record

KEY = "store://p/function/python/f:1"


def test_a_run_there_and_back() -> None:
    """Core keeps no type, and names a function by `python://`."""
    record = new_record("p", "run", "python+job:run", "r", identity="7", spec={"function": KEY, "task": None})
    entity = serialization.to_core(record)
    assert (entity["key"], entity["spec"]) == ("store://p/run/python+job:run/7:7", {"function": "python://p/f:1"})
    assert "type" not in entity
    assert serialization.from_core("run", entity)["key"] == record["key"]


@pytest.mark.parametrize(("text", "key"), [("python://p/f:1", KEY), (KEY, KEY), ("f", ""), ("python://p", "")])
def test_a_function_by_its_text(text: str, key: str) -> None:
    assert serialization.parse_function(text) == key
    assert serialization.format_function(KEY) == "python://p/f:1"


@pytest.mark.parametrize(
    ("state", "owned", "merged_state"),
    [("RUNNING", True, "ERROR"), ("RUNNING", False, "RUNNING"), ("STOPPED", True, "STOPPED")],
)
def test_merging_a_run(state: str, owned: bool, merged_state: str) -> None:
    """Ours are outputs, results, message, error and times, and what was changed of the metadata.

    A state is ours only where the run is, and has not ended.
    """
    stored = {"metadata": {"labels": ["x"], "relationships": [{"type": "run_of", "dest": KEY}]},
           "spec": {"a": 1}, "status": {"state": state, "k8s": {"pod": "r"}, "message": "theirs"}}  # fmt: skip
    ours = new_record("p", "run", "python+job:run", "r", identity="7")
    ours["status"] = {"state": "ERROR", "message": "ours", "k8s": "not ours", "pid": 1, "results": {"n": 1}}
    ours["metadata"]["relationships"] = [{"type": "run_of", "dest": KEY}, {"type": "consumes", "dest": "x"}]
    merged = serialization.merge_run(stored, ours, {"description": "said"}, owned=owned)
    message = "theirs" if state == "STOPPED" else "ours"
    assert merged["status"] == {"state": merged_state, "k8s": {"pod": "r"}, "message": message, "results": {"n": 1}}
    assert merged["metadata"] == {
        "labels": ["x"], "relationships": [{"type": "run_of", "dest": KEY}, {"type": "consumes", "dest": "x"}],
        "description": "said",
    }  # fmt: skip
    assert merged["spec"] == {"a": 1}


def test_a_source_of_one_file_goes_inline(tmp_path: Path) -> None:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg/mod.py").write_text("x = 1\n")
    spec = {"source": {"source": "mod", "handler": "pkg.mod:f", "root": str(tmp_path), "digest": "sha256:0"}}
    assert serialization.to_function_spec(spec, "3.12") == {
        "source": {"handler": "pkg.mod:f", "lang": "python", "source": "mod.py",
                   "base64": base64.b64encode(b"x = 1\n").decode()},
        "python_version": "PYTHON3_12",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("stored", "values", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": {"x": 1, "y": 2}}, {"a": {"x": 1}}, True),
        ({"a": {"x": 2}}, {"a": {"x": 1}}, False),
        ({}, {"a": 1}, False),
        (None, {"a": 1}, False),
    ],
)
def test_values_that_a_record_contains(stored: object, values: object, expected: bool) -> None:
    """Fields that Core has added make no difference."""
    assert serialization.contains_values(stored, values) is expected
