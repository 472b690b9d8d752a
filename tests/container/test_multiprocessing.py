"""In an image: children of `multiprocessing` are children, however they are started."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.engine import AVAILABLE, OUTER, Images
from tests.podman import Podman
from tests.processors import FUNCTIONS, document, job

pytestmark = pytest.mark.timeout(600)
SQUARES = {method: [0, 1, 4, 9] for method in ("fork", "spawn", "forkserver")}


@pytest.fixture
def source(tmp_path: Path) -> tuple[str, ...]:
    """The flags that mount the source of the function at /shared."""
    folder = tmp_path / "shared"
    shutil.copytree(FUNCTIONS / "children", folder)
    (folder / "function.yaml").write_text(json.dumps(document(job({}))))
    for path in (folder, *folder.iterdir()):  # another user's, in the container
        path.chmod(0o755 if path.is_dir() else 0o644)
    return ("--volume", f"{folder}:/shared:ro")


@pytest.mark.parametrize("version", AVAILABLE)
def test_a_job_runs_once(version: str, base_images: Images, podman: Podman, source: tuple[str, ...]) -> None:
    """On every Python no child runs the job again: the handler is called once, and one run is recorded."""
    flags = (*source, "--env", "OVENBIRD_HOME=/tmp/home", "--entrypoint", "/bin/sh")
    command = "ovenbird run main.py && ovenbird runs list"
    process = podman.run(base_images[version], "-c", command, flags=flags)
    assert process.returncode == 0, process.stderr
    printed, result, runs = process.stdout.split("\n", 2)
    assert (printed, json.loads(result)) == ("the handler was called", SQUARES)
    assert [row["state"] for row in json.loads(runs)] == ["COMPLETED"]


@pytest.mark.parametrize("version", OUTER)
def test_a_service_starts_once(version: str, base_images: Images, podman: Podman, source: tuple[str, ...]) -> None:
    """No child binds the port: the call is answered, and the log has only its start and the call."""
    service = podman.start(base_images[version], "serve", "main.py", flags=source).wait_ready()
    assert service.call().json() == SQUARES
    assert service.stop() == 0
    assert service.log.count("is served at") == 1
    assert [record for record in service.records if record["level"] == "error"] == []


@pytest.mark.parametrize("version", OUTER)
def test_the_processor_runs_a_job_once(
    version: str, base_images: Images, podman: Podman, source: tuple[str, ...]
) -> None:
    """The processor's own command is no other: its event is handled once."""
    flags = (*source, "--env", "PYTHONPATH=/shared", "--entrypoint", "/opt/nuclio/processor")
    process = podman.run(base_images[version], "--config", "/shared/function.yaml", flags=flags)
    assert process.returncode == 0, process.stderr
    assert process.stdout == "the handler was called\n"
    records = [json.loads(line) for line in process.stderr.splitlines() if line.startswith("{")]
    assert [record["results"] for record in records if record["message"] == "the children have ended"] == [SQUARES]
