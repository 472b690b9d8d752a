"""The traces of a run: parameters, packages, machine, command, versions of its inputs."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version

import pytest
from tests.core.server import Double
from tests.jobs import Jobs

_FUNCTION = """
from ovenbird import handler

@handler(outputs=["n"])
def handler(token: str, n: int, rate: float = 0.1, layers: tuple = (1, 2), note: str = None):
    import yaml
    return n
"""


def _check(status: dict[str, object]) -> None:
    assert status["parameters"] == {"token": "s3cret", "n": 7, "rate": 0.1, "layers": [1, 2], "note": None}
    provenance = status["provenance"]
    assert isinstance(provenance, dict)
    assert provenance["packages"]["msgspec"] == version("msgspec")
    assert provenance["packages"]["ovenbird"] == version("ovenbird")
    assert provenance["packages"]["pyyaml"] == version("pyyaml"), "it was imported while the function ran"
    assert provenance["machine"]["architecture"] == os.uname().machine
    command = provenance["command"]
    assert command[:2] == ["ovenbird", "run"]
    assert command[-4:] == ["--param", "token=***", "--param", "n=7"]


def test_a_run_records_its_parameters_and_environment(jobs: Jobs) -> None:
    """Effective parameters with defaults, versions of what was imported, machine and masked command are recorded."""
    job = jobs.run(_FUNCTION, "--param", "token=s3cret", "--param", "n=7")
    assert job.code == 0, job.err
    status = jobs.read_record(job)["status"]
    assert status["parameters"]["token"] == "***"
    _check({**status, "parameters": {**status["parameters"], "token": "s3cret"}})
    lines = jobs.run_verb("lineage", job.result["key"])
    assert "s3cret" not in lines
    assert '"rate": 0.1' in lines
    assert "pyyaml" in lines
    assert "command: " in lines


def test_the_same_on_core(core: Double, jobs: Jobs, platform: dict[str, str]) -> None:
    """Core keeps it in the status of the run."""
    job = jobs.run(_FUNCTION, "--project", "p", "--param", "token=s3cret", "--param", "n=7", **platform)
    assert job.code == 0, job.err
    (run,) = core.entities.all("p", "run")
    _check(run["status"])


def test_a_run_that_fails_has_its_parameters_too(jobs: Jobs) -> None:
    """Parameters are recorded before the call, so a killed process leaves them."""
    job = jobs.run("import os\ndef handler(n: int = 3): os.kill(os.getpid(), 9)\n")
    assert job.code == -9
    (row,) = jobs.list_runs()
    assert jobs.read_entity("runs", row["id"])["status"]["parameters"] == {"n": 3}


_MODEL = """
from ovenbird import handler
from sklearn.linear_model import LogisticRegression
import pandas

@handler(outputs=["wine"])
def handler():
    return LogisticRegression().fit(pandas.DataFrame({"a": [0, 1], "b": [1, 0]}), ["no", "yes"])
"""


def _check_model(status: dict[str, object]) -> None:
    assert status["python"] == sys.version.partition(" ")[0]
    requirements = status["requirements"]
    assert isinstance(requirements, list)
    assert f"scikit-learn=={version('scikit-learn')}" in requirements
    assert status["signature"] == {"features": 2, "feature_names": ["a", "b"], "classes": ["no", "yes"]}


@pytest.mark.slow
def test_a_model_stores_what_it_needs_to_be_loaded(jobs: Jobs) -> None:
    """Python, the versions of packages, features and classes are recorded with a model, and lineage shows them."""
    job = jobs.run(_MODEL)
    assert job.code == 0, job.err
    _check_model(jobs.read_entity("models", "wine")["status"])
    assert "signature: " in jobs.run_verb("lineage", "wine")


@pytest.mark.slow
def test_a_model_on_core(core: Double, jobs: Jobs, platform: dict[str, str]) -> None:
    """Core keeps them in the status of the model."""
    job = jobs.run(_MODEL, "--project", "p", **platform)
    assert job.code == 0, job.err
    (model,) = core.entities.all("p", "model")
    _check_model(model["status"])
