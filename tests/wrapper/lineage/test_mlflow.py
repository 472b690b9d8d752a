"""Runs of MLflow, on its own server."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest
from tests.jobs import Jobs
from tests.wrapper.lineage.mlflow_server import MlflowServer, make_environ, python

TRAIN = """
import mlflow
from sklearn.linear_model import LogisticRegression

mlflow.sklearn.autolog(log_models=False, log_datasets=False, silent=True)

def train(run, C: float = 2.0, size: int = 20):
    mlflow.start_run()
    mlflow.log_metric("loss", 9.0)
    run.log_metrics({"loss": 1.0, "error": 0.25})
    rows = [[number] for number in range(size)]
    LogisticRegression(C=C * 2).fit(rows, [number > size / 2 for number, in rows])
    raise ValueError("after all")
"""
SWEEP = """
    from pathlib import Path
    from ovenbird import handler

    @handler(outputs=["rows", "table", "text"])
    def train(run, token: str = "", depth: int = 1):
        run.log_metric("loss", [0.5, float("nan"), 0.125])
        if not depth:
            raise ValueError("no depth")
        return depth * 2, Path(__file__), "fine"
"""


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    python()
    server = MlflowServer(tmp_path_factory.mktemp("mlflow"))
    yield server
    server.close()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_autologging_and_ours_are_one_run(jobs: Jobs, mlflow: MlflowServer) -> None:
    """What the library logs stays, ours is added, and a run that the function leaves open ends as ours has ended."""
    jobs.write(TRAIN, "fit.py")
    environ = make_environ(
        OVENBIRD_HOME=str(jobs.home), MLFLOW_TRACKING_URI=mlflow.url, MLFLOW_EXPERIMENT_NAME="cities"
    )
    command = [python(), "-m", "ovenbird", "run", "fit.py:train", "--result-file", "result.json", "--note", "why"]
    process = subprocess.run(command, cwd=jobs.folder, env=environ, capture_output=True, text=True, check=False)
    assert process.returncode == 74, process.stderr
    (run,) = mlflow.read_runs("cities")
    assert (run["status"], run["run_name"]) == ("FAILED", "train")
    assert {name: run["params"][name] for name in ("C", "size", "solver")} == {
        "C": "4.0", "size": "20", "solver": "lbfgs",
    }  # fmt: skip
    assert "training_score" in run["metrics"]
    assert (run["metrics"]["loss"], run["metrics"]["error"]) == (9.0, 0.25)
    assert run["tags"]["estimator_name"] == "LogisticRegression"
    assert run["tags"]["mlflow.note.content"] == "why"
    assert run["tags"]["ovenbird.run"] == json.loads((jobs.folder / "result.json").read_text())["key"]
    assert run["tags"]["ovenbird.error"] == "ValueError: after all"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_sweep_is_a_run_with_runs_in_it(jobs: Jobs, mlflow: MlflowServer) -> None:
    """Each line is nested in the sweep, with parameters, series with steps, results, outputs and its own state."""
    jobs.write(SWEEP)
    process = jobs.start_ovenbird(
        "run", "main.py:train", "--grid", "depth=3,0", "--param", "token=hidden", "--name", "deep", "--parallel", "1",
        "--tag", "team=red", MLFLOW_TRACKING_URI=mlflow.url, MLFLOW_EXPERIMENT_NAME="sweep",
    )  # fmt: skip
    assert process.communicate(timeout=120)
    sweep, first, second = mlflow.read_runs("sweep")
    assert [run["status"] for run in (sweep, first, second)] == ["FAILED", "FINISHED", "FAILED"]
    assert [run["run_name"] for run in (sweep, first, second)] == ["deep", "deep-1", "deep-2"]
    assert {run["tags"].get("mlflow.parentRunId") for run in (first, second)} == {sweep["run_id"]}
    assert first["params"] == {"depth": "3", "token": "***"}
    assert mlflow.read_series(first["run_id"], "loss") == [(0, 0.5), (1, "NaN"), (2, 0.125)]
    assert first["metrics"]["rows"] == 6
    assert (first["tags"]["ovenbird.result.text"], first["tags"]["team"]) == ("fine", "red")
    assert first["tags"]["ovenbird.output.table"].startswith("store://default/artifact/artifact/table:")
    assert first["tags"]["ovenbird.path.table"].endswith("/main.py")
    assert second["tags"]["ovenbird.error"] == "ValueError: no depth"
