"""The parent of a run, from variables and for what the run starts."""

from __future__ import annotations

import json

import pytest

from ovenbird.lineage.parent_run import ParentRun, RunReference, make_variables, read_parent

RUN = RunReference("kubernetes://prod", "daily.load", "f99310b4-3c3c-1a1a-8b2b-c1b95c24ff11")
ROOT = RunReference("airflow", "daily", "0190e2a1-4b7c-7d3e-9f10-2a3b4c5d6e7f")


def test_what_is_written_is_read() -> None:
    """The variables for a child name the run as its parent and keep the root; the JSON wins over the older ones."""
    variables = make_variables(RUN, ParentRun(ROOT, ROOT))
    assert read_parent(variables) == ParentRun(RUN, ROOT)
    assert read_parent({**variables, "OPENLINEAGE_CONTEXT": ""}) == ParentRun(RUN, ROOT)
    assert read_parent({**variables, "OPENLINEAGE_PARENT_ID": "x"}) == ParentRun(RUN, ROOT)
    assert read_parent(make_variables(RUN, None)) == ParentRun(RUN, RUN)
    assert read_parent({}) is None


@pytest.mark.parametrize(("variable", "text"), [
    ("OPENLINEAGE_PARENT_ID", "daily.load/f99310b4-3c3c-1a1a-8b2b-c1b95c24ff11"),
    ("OPENLINEAGE_PARENT_ID", "ns/job/42"),
    ("OPENLINEAGE_CONTEXT", "{"),
    ("OPENLINEAGE_CONTEXT", "[]"),
    ("OPENLINEAGE_CONTEXT", json.dumps({"parent": {"run": {"runId": 1}, "job": {"namespace": "a", "name": "b"}}})),
])  # fmt: skip
def test_a_malformed_parent_is_a_warning(variable: str, text: str, caplog: pytest.LogCaptureFixture) -> None:
    """A run goes on without a parent, and the log says what was expected."""
    assert read_parent({variable: text}) is None
    (record,) = caplog.records
    assert variable in record.getMessage()
