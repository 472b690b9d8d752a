"""Every example works when it is started as described."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.jobs import Jobs
from tests.service import Service

EXAMPLES = Path(__file__).parent.parent / "examples"
_CITY = {"population": 500_000, "area_km2": 200, "elevation_m": 30, "gdp_per_capita": 40_000}


def test_every_example_is_here() -> None:
    """A new example needs a test."""
    assert {path.name for path in EXAMPLES.iterdir() if path.is_dir()} == {
        "greet", "notebook", "stream", "world-cities",
    }  # fmt: skip


def test_greet(serve: Callable[..., Service]) -> None:
    """Its init runs first, and its arguments are fields of the payload."""
    service = serve(str(EXAMPLES / "greet"), "--init", "greeting=Ciao")
    assert service.call({"name": "Ada", "times": 2}).json()["greeting"] == "Ciao Ada, Ciao Ada"
    assert service.call({"nam": "Ada"}).status_code == 422


def test_stream(serve: Callable[..., Service]) -> None:
    """What the generator yields arrives as events."""
    service = serve(str(EXAMPLES / "stream" / "main.py"))
    answer = service.get("/?n=2&pause=0", headers={"accept": "text/event-stream"})
    events = [json.loads(line[5:]) for line in answer.text.splitlines() if line.startswith("data:")]
    assert events == [{"count": 1}, {"count": 2}]


@pytest.fixture
def table() -> Iterator[str]:
    """The URL of the table, from the example's own server."""
    command = [sys.executable, EXAMPLES / "world-cities" / "serve_csv.py"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.send_signal(signal.SIGTERM)
    process.communicate()


@pytest.mark.slow
def test_world_cities(jobs: Jobs, serve: Callable[..., Service], table: str) -> None:
    """A table is downloaded, a model trained on it by key, and served; lineage leads all the way back."""
    folder = EXAMPLES / "world-cities"
    key = "store://default/dataitem/table/world-cities"
    run = jobs.run(f"{folder}/download.py:download", "--input", f"url={table}", "--param", "min_population=50000")
    assert run.code == 0, run.err
    assert run.result["outputs"]["world-cities"].startswith(f"{key}:")
    fields = jobs.read_entity("dataitems", "world-cities")["spec"]["schema"]["fields"]
    assert {"name": "density", "type": "number"} in fields

    trained = jobs.run(f"{folder}/train.py:train", "--input", f"cities={key}", "--param", "trees=20")
    assert trained.code == 0, trained.err
    assert len(trained.result["metrics"]["mean_absolute_error"]) == 2
    assert trained.result["metrics"]["r2"] > 0.8
    tree = jobs.run_verb("lineage", trained.result["outputs"]["city-prices"])
    assert f"consumes {run.result['outputs']['world-cities']}" in tree
    assert f"path: {table}" in tree

    model = trained.result["outputs"]["city-prices"]
    service = serve(str(folder / "predict.py"), "--init", f"model={model}", OVENBIRD_HOME=str(jobs.home))
    answer = service.call(_CITY).json()
    assert answer["model"] == model
    assert 500 < answer["rent"] < 1500
    invoked = jobs.run_verb("invoke", str(folder / "predict.py"), "--data", json.dumps(_CITY))
    assert json.loads(invoked) == answer


@pytest.mark.slow
def test_a_service_without_the_model_says_so(serve: Callable[..., Service], jobs: Jobs) -> None:
    """Where nothing is stored, init fails with the reason and the service ends with 73."""
    target = str(EXAMPLES / "world-cities" / "predict.py")
    service = serve(target, ready=False, OVENBIRD_HOME=str(jobs.home))
    assert service.wait() == 73
    assert "city-prices" in service.log
