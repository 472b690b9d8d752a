"""Children of `multiprocessing` that a function starts, whichever command has started the function."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import FUNCTIONS
from tests.service import Service

from ovenbird_builder.layers.runtime_layers import LAUNCHER

SQUARES = {method: [0, 1, 4, 9] for method in ("fork", "spawn", "forkserver")}


@pytest.fixture(params=["module", "script", "launcher"])
def command(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, ...]:
    """Return a command that starts Ovenbird: as a module, as a script, or by an image's launcher."""
    if request.param == "module":
        return (sys.executable, "-m", "ovenbird")
    if request.param == "script":
        return (str(Path(sys.executable).with_name("ovenbird")),)
    path = tmp_path / "ovenbird"
    path.write_text(LAUNCHER.read_text().format(python=sys.executable, words=""))
    return (sys.executable, str(path))


@pytest.mark.slow
def test_a_job_runs_once(command: tuple[str, ...], tmp_path: Path) -> None:
    """No child runs the job again: the handler is called once, and one run is recorded."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OVENBIRD_")}
    environ["OVENBIRD_HOME"] = str(tmp_path / "home")

    def run(*words: str) -> str:
        process = subprocess.run(
            [*command, *words], env=environ, capture_output=True, text=True, check=False, timeout=100
        )
        assert process.returncode == 0, process.stderr
        return process.stdout

    printed = run("run", str(FUNCTIONS / "children/main.py"), "--result-file", str(tmp_path / "result"))
    assert printed.count("the handler was called") == 1
    assert json.loads((tmp_path / "result").read_text())["results"] == {"output_0": SQUARES}
    assert [row["state"] for row in json.loads(run("runs", "list"))] == ["COMPLETED"]


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_service_starts_once(serve: Callable[..., Service], workers: str) -> None:
    """No child serves or wants the port, with a parent of the workers or without one."""
    service = serve("children/main.py", "--workers", workers).wait_ready()
    assert service.call().json() == SQUARES
    service.process.terminate()
    assert service.process.wait(60) == 0
    assert service.log.count("is served at") == 1
    assert [record for record in service.records if record["level"] == "error"] == []
