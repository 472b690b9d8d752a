"""`run(on="cluster")` on a real node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.kube import Kube
from tests.processors import FUNCTIONS

import ovenbird as ob
from ovenbird.errors import RunFailedError

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]


def test_a_run_in_the_cluster(kube: Kube, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its results and its log are in the record; one that fails raises with the user's traceback; one is stopped."""
    monkeypatch.setenv("OVENBIRD_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(kube.folder)
    kube.write("main.py", (FUNCTIONS / "cluster" / "main.py").read_text())
    greet = ob.function("function.yaml")
    options = {"on": "cluster", "namespace": kube.namespace, "image": kube.image, "cpu": "100m"}
    sleeper = greet.run(seconds=600, wait=False, **options)
    run = greet.run(do="count", n=3, name="first", tags={"stage": "test"}, timeout="5m", **options)
    assert (run.state, dict(run.results)) == ("COMPLETED", {"output_0": 3})
    assert "line 2" in run.logs
    with pytest.raises(RunFailedError, match="no such thing") as failure:
        greet.run(do="fail", **options)
    assert 'raise ValueError("no such thing")' in str(failure.value.__cause__)
    assert sleeper.state == "RUNNING"
    sleeper.stop()
    assert sleeper.wait(timeout=200).state == "STOPPED"


def test_many_runs_in_the_cluster(kube: Kube, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One Job; the runs come in the order of the list with results and logs; a loop that is left deletes the Job."""
    monkeypatch.setenv("OVENBIRD_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(kube.folder)
    kube.write("main.py", (FUNCTIONS / "cluster" / "main.py").read_text())
    greet = ob.function("function.yaml")
    options: dict[str, Any] = {"namespace": kube.namespace, "image": kube.image, "cpu": "50m", "on": "cluster"}
    lines = [{"n": 3, "seconds": 1}, {"n": 1}, {"do": "fail"}]
    runs: list[ob.Run] = []
    with pytest.raises(RunFailedError, match="1 of 3 runs have failed"):
        runs.extend(greet.map(lines, parallel=3, params={"do": "count"}, **options))
    assert [run.state for run in runs] == ["COMPLETED", "COMPLETED", "ERROR"]
    assert [dict(run.results or {}) for run in runs] == [{"output_0": 3}, {"output_0": 1}, {}]
    assert "line 2" in runs[0].logs
    assert runs[2].error["message"] == "no such thing"
    assert len(kube.get("jobs")["items"]) == 1
    with greet.map([{"seconds": 0}, {"seconds": 600}], **options) as some:
        assert next(some).state == "COMPLETED"
    assert len(kube.get("jobs")["items"]) == 1
