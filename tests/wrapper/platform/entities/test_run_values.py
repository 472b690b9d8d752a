"""Inputs, outputs and results of a run are mappings, and can be called as with the platform's SDK."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ovenbird.platform.entities.run import Run, start_run
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.project.project import Project


@pytest.fixture
def run(project: Project, store: LocalStore) -> Run:
    """A run with one input, one output that is an entity, one that is text, and one result."""
    given, made = project.log_artifact("given", data=b"in"), project.log_artifact("made", data=b"out")
    run = start_run(store, "p", {}, spec={"inputs": {"data": given.key}})
    run.finish("COMPLETED", outputs={"file": made.key, "image": "registry/app:1"}, results={"rows": 3, "message": "hi"})
    return project.get_run(run.id)


def test_values_are_read_by_name_and_by_a_call(run: Run) -> None:
    """An item is the same as in the dict that a call returns."""
    assert Path(run.outputs["file"].as_file()[0]).read_bytes() == b"out"
    assert run.outputs["file"].key == run.outputs()["file"].key == run.outputs(as_key=True)["file"]
    assert (run.outputs["image"], run.outputs(as_dict=True)["image"]) == ("registry/app:1", "registry/app:1")
    assert (run.inputs["data"].name, run.inputs()["data"].name) == ("given", "given")
    assert (run.results["rows"], run.results(), dict(run.results)) == (3, {"rows": 3, "message": "hi"}, run.results())
    assert (list(run.outputs), len(run.results), "file" in run.outputs, "x" in run.outputs) == (
        ["file", "image"], 2, True, False,
    )  # fmt: skip


@pytest.mark.parametrize("part", ["inputs", "outputs", "results"])
def test_a_name_that_is_missing_is_an_error_with_the_names_there_are(run: Run, part: str) -> None:
    """As with a dict it is a KeyError, and `get` answers with None."""
    values: Any = getattr(run, part)
    with pytest.raises(KeyError, match=rf"has no {part[:-1]} 'nothing'; there are: '{next(iter(values))}'"):
        values["nothing"]
    assert values.get("nothing") is None


def test_output_answers_with_a_result_of_that_name(run: Run) -> None:
    """Where the platform's SDK gives None for a plain value."""
    assert (run.output("message"), run.output("rows", as_key=True), run.output("nothing")) == ("hi", 3, None)
    assert (run.output("file", as_dict=True)["name"], run.result("file")) == ("made", None)
