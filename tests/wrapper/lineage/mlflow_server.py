"""A real tracking server of MLflow, in an environment of its own: it brings some eighty packages that are not ours."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

PACKAGES = ("mlflow==3.17.2", "msgspec")  # the latter for Ovenbird, which functions that use MLflow are run by
_ROOT = Path(__file__).parents[3]
_HOME = _ROOT / ".cache" / f"mlflow-{sys.version_info[0]}.{sys.version_info[1]}"
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONPATH": str(_ROOT / "wrapper"), "PYTHONDONTWRITEBYTECODE": ""}
_MAKE_DATABASE = "import sys; from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as S; S(*sys.argv[1:])"
_SERVE = """
import os, sys
from mlflow.server import ARTIFACT_ROOT_ENV_VAR, BACKEND_STORE_URI_ENV_VAR, app
from werkzeug.serving import make_server
os.environ[BACKEND_STORE_URI_ENV_VAR], os.environ[ARTIFACT_ROOT_ENV_VAR] = sys.argv[1:]
server = make_server("127.0.0.1", 0, app, threaded=True)
print(server.server_port, flush=True)
server.serve_forever()
"""


def python() -> Path:
    """Return the interpreter that has MLflow; the environment and an empty database are made once, and kept."""
    _HOME.parent.mkdir(exist_ok=True)
    path = _HOME / "bin" / "python"
    with (_HOME.parent / f"{_HOME.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (_HOME / "empty.db").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", _HOME], check=True)
            uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", path]
            subprocess.run([*uv, *PACKAGES], check=True)
            command = [path, "-c", _MAKE_DATABASE, f"sqlite:///{_HOME}/draft.db", str(_HOME / "artifacts")]
            subprocess.run(command, check=True, env=make_environ(), capture_output=True)
            (_HOME / "draft.db").rename(_HOME / "empty.db")
    return path


def make_environ(**more: str) -> dict[str, str]:
    """Return the variables of a process that uses MLflow."""
    return {**os.environ, **_QUIET, **more}


class MlflowServer:
    """MLflow's own application on a database of SQLite, in one process."""

    def __init__(self, folder: Path) -> None:
        shutil.copy(_HOME / "empty.db", folder / "mlflow.db")
        command = [python(), "-c", _SERVE, f"sqlite:///{folder}/mlflow.db", str(folder / "artifacts")]
        self._process = subprocess.Popen(
            command, env=make_environ(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )  # fmt: skip
        assert self._process.stdout
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Return the answer of the REST API."""
        url = f"{self.url}/api/2.0/mlflow/{path}"
        answer = httpx.request(method, url, verify=False, timeout=60, trust_env=False, **options)
        return answer.raise_for_status().json()

    def read_runs(self, experiment: str) -> list[dict[str, Any]]:
        """Return the runs of an experiment, the first one first, each with its params, metrics and tags by name."""
        answer = self.call("GET", "experiments/get-by-name", params={"experiment_name": experiment})
        body = {"experiment_ids": [answer["experiment"]["experiment_id"]], "order_by": ["attributes.start_time ASC"]}
        runs = []
        for run in self.call("POST", "runs/search", json=body)["runs"]:
            data = {
                kind: {item["key"]: item["value"] for item in run["data"].get(kind, ())}
                for kind in ("params", "metrics", "tags")
            }
            runs.append({**run["info"], **data})
        return runs

    def read_series(self, run_id: str, metric: str) -> list[tuple[int, Any]]:
        """Return steps and values of a metric."""
        answer = self.call("GET", "metrics/get-history", params={"run_id": run_id, "metric_key": metric})
        return sorted((int(item.get("step", 0)), item["value"]) for item in answer["metrics"])

    def close(self) -> None:
        """End the server."""
        self._process.kill()
        self._process.communicate()
