"""The runs of `--each`, whose ends the Job tells where their pods are gone."""

from __future__ import annotations

from typing import Any

from ovenbird_builder.cluster.follow_sweep import IndexEnd, follow_sweep
from ovenbird_builder.cluster.run_view import RunView

from .conftest import StandIn

TEMPLATE: dict[str, Any] = {"spec": {"volumes": [{"name": "each", "configMap": {"name": "lines"}}]}}


def test_pods_that_are_gone(standin: StandIn) -> None:
    """An index has completed, failed or not run as the Job has it; a line separator of Unicode is no end of a line."""
    failed = {"type": "Failed", "status": "True", "reason": "PodFailurePolicy"}
    status = {"conditions": [failed], "completedIndexes": "0,2", "failedIndexes": "1"}
    job = {"metadata": {"name": "greet"}, "spec": {"completions": 4, "template": TEMPLATE}, "status": status}
    standin.put("job", job)
    standin.put("pods", {"items": []})
    lines = "".join(f'{{"text": "a\u2028{number}"}}\n' for number in range(4))
    standin.put("configmap", {"data": {"lines": lines}})
    emitted: list[IndexEnd] = []
    ends = follow_sweep(standin.kubectl, "greet", RunView(), emitted.append)
    assert [(row.index, row.end.state, row.end.exit_code) for row in ends] == [
        (0, "COMPLETED", 0), (1, "ERROR", 96), (2, "COMPLETED", 0), (3, "NOT RUN", 96),
    ]  # fmt: skip
    assert [row.parameters["text"] for row in emitted] == [f"a\u2028{number}" for number in range(4)]
