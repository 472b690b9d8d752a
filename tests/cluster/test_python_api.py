"""`run(on="cluster")` on a real node."""

from __future__ import annotations

from pathlib import Path

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
