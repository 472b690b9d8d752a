"""`--container`: the same command as without, in the image that was built; what it records is found outside."""

from __future__ import annotations

import json
import re
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.engine import Images
from tests.jobs import Jobs
from tests.podman import Podman
from tests.podman import podman as engine
from tests.service import wait_until

VERSION = "3.11"
SOURCE = """
import os, pathlib, time
from ovenbird import handler as outputs

def init(context, greeting="Hello"):
    context.greeting = greeting

@outputs(outputs=["greeting"])
def handler(context, name: str, times: int = 1, data: pathlib.Path = pathlib.Path(os.devnull), wait: float = 0.0):
    if name == "nobody":
        raise ValueError("nobody is there")
    print("started", flush=True)
    time.sleep(wait)
    lines = len(data.read_text().splitlines())
    return {"greeting": f"{context.greeting} {name}" * times, "lines": lines, "token": os.environ.get("TOKEN", "")}
"""
DOCUMENT = f"""
kind: python
name: greeter
project: demo
spec:
  python_version: "{VERSION}"
  source: {{source: main.py, handler: handler, init_function: init}}
"""
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def function(tmp_path_factory: pytest.TempPathFactory, registry: str, base_images: Images, build_cache: Path) -> Path:
    """A function document whose image has been built and pushed, and is named by it."""
    folder = tmp_path_factory.mktemp("function")
    (folder / "main.py").write_text(SOURCE)
    (folder / "function.yaml").write_text(DOCUMENT)
    jobs = Jobs(folder)
    name = f"{registry}/launch/{uuid.uuid4().hex}:1"
    words = ("--tag", name, "--push", "--write-back", "--cache-dir", str(build_cache))
    jobs.run_verb("build", "function.yaml", "--base", base_images[VERSION], *words)
    assert re.search(rf"image: {name}@sha256:", (folder / "function.yaml").read_text())
    return folder / "function.yaml"


@pytest.fixture
def no_containers_left(container_env: dict[str, str], jobs: Jobs) -> Iterator[None]:
    """No container is left behind, before what the test has started is ended."""
    before = set(list_containers())
    yield
    wait_until(
        lambda: set(list_containers()) <= before, lambda: f"left behind: {set(list_containers()) - before}", pause=0.2
    )


def list_containers() -> list[str]:
    """Return the ids of all containers."""
    return engine("ps", "--all", "--quiet").stdout.split()


def make_flags(function: Path, *more: str) -> tuple[str, ...]:
    """Return the words after the verb."""
    return (str(function), "--container", "--engine", "podman", *more)


@pytest.mark.usefixtures("no_containers_left")
def test_a_job(function: Path, jobs: Jobs) -> None:
    """The image is pulled by its digest; files, parameters and a secret reach it; run and outputs are found outside."""
    data = jobs.folder / "data.csv"
    data.write_text("a\nb\nc\n")
    (jobs.folder / "p.json").write_text('{"times": 2}')
    run = jobs.run(
        *make_flags(function, "--param", "name=Ada", "--params", "p.json", "--input", f"data={data.name}"),
        "--init", "greeting=Salve", "--env", "TOKEN", "--output-dir", "out", TOKEN="a secret",
    )  # fmt: skip
    assert run.code == 0, run.err
    assert run.result["state"] == "COMPLETED"
    (copy,) = (jobs.folder / "out").rglob("*.json")
    assert json.loads(copy.read_text()) == {"greeting": "Salve AdaSalve Ada", "lines": 3, "token": "a secret"}

    (row,) = jobs.list_runs()
    assert (row["key"], row["project"], row["state"]) == (run.result["key"], "demo", "COMPLETED")
    record = jobs.read_record(run)
    image = re.search(r"image: .*@(sha256:\w+)", function.read_text())
    assert image
    assert record["status"]["provenance"]["image"] == image[1]
    (consumed,) = [
        relationship["dest"]
        for relationship in record["metadata"]["relationships"]
        if relationship["type"] == "consumes"
    ]
    assert jobs.read_entity("dataitems", consumed)["spec"]["path"] == str(data)
    (output,) = run.result["outputs"].values()
    jobs.run_verb("artifacts", "get", output, "got")
    assert [path.read_text() for path in (jobs.folder / "got").rglob("*.json")] == [copy.read_text()]


@pytest.mark.usefixtures("no_containers_left")
def test_a_job_that_fails(function: Path, jobs: Jobs) -> None:
    """Its status is passed through, and its record has the user's error."""
    run = jobs.run(*make_flags(function, "--param", "name=nobody"))
    assert run.code == 74, run.err
    assert "nobody is there" in run.error["message"]
    assert [row["state"] for row in jobs.list_runs()] == ["ERROR"]
    assert jobs.run(*make_flags(function, "--param", "nam=x")).code == 77


@pytest.mark.usefixtures("no_containers_left")
def test_a_job_that_is_stopped(function: Path, jobs: Jobs) -> None:
    """SIGTERM goes to the function; while it runs, the store outside knows that it lives."""
    process, wait = jobs.start(*make_flags(function, "--param", "name=Ada", "--param", "wait=60"))
    (row,) = jobs.wait_until(
        lambda: [row for row in jobs.list_runs() if "started" in jobs.run_verb("runs", "logs", row["id"])]
    )
    assert row["state"] == "RUNNING"
    process.terminate()
    run = wait()
    assert (run.code, run.result["state"]) == (143, "STOPPED"), run.err


@pytest.mark.usefixtures("no_containers_left")
def test_a_service(function: Path, jobs: Jobs) -> None:
    """It is published on the address asked for; no value stands in a command; SIGTERM drains it.

    A file of variables says all of it, and gives the function its own.
    """
    (jobs.folder / "my.env").write_text("TOKEN='a-secret'\nOVENBIRD_PORT=0\nOVENBIRD_CONTAINER=true\n")
    process = jobs.start_ovenbird(
        "serve", str(function), "--engine", "podman", "--init", "greeting=Ciao", "--env-file", "my.env"
    )
    assert process.stderr
    match = None
    while not match:
        line = process.stderr.readline()
        assert line, "it ended"
        match = re.search(r"is served at http://0\.0\.0\.0:(\d+)", line)
    url = f"http://127.0.0.1:{match[1]}"
    wait_until(
        lambda: httpx.get(f"{url}/_/ready", trust_env=False, verify=False).status_code == 200, lambda: "not ready"
    )
    answer: dict[str, Any] = httpx.post(url, json={"name": "Ada"}, trust_env=False, verify=False).json()
    assert answer == {"greeting": "Ciao Ada", "lines": 0, "token": "a-secret"}
    command = Path(f"/proc/{process.pid}/cmdline").read_text()
    assert command.startswith("podman\0run\0")
    assert "a-secret" not in command
    assert "Ciao" not in command
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.mark.usefixtures("no_containers_left")
def test_an_image_by_name(function: Path, jobs: Jobs) -> None:
    """`--image` replaces that of the document; without either, the message has a command."""
    text = function.read_text()
    image = re.search(r"image: (\S+)", text)
    assert image
    plain = jobs.folder / "function.yaml"
    plain.write_text(text.replace(image[0], ""))
    (jobs.folder / "main.py").write_text(SOURCE)
    run = jobs.run("function.yaml", "--container", "--param", "name=Ada", "--engine", "podman")
    assert run.code == 20
    assert "`ovenbird build function.yaml --tag greeter:1`, then `--image greeter:1`" in run.err
    run = jobs.run("function.yaml", "--container", "--param", "name=Ada", "--image", image[1], OVENBIRD_ENGINE="podman")
    assert run.code == 0, run.err
    run = jobs.run("function.yaml", "--container", "--image", "nowhere:1", "--engine", "podman")
    assert run.code == 20
    assert "podman has no image 'nowhere:1'" in run.err
    registry = image[1].partition("/")[0]
    run = jobs.run("function.yaml", "--container", "--image", f"{registry}/no/such:1", "--engine", "podman")
    assert run.code == 61, run.err


def test_no_engine(function: Path, jobs: Jobs) -> None:
    """Without podman and docker the message names what to install."""
    empty = jobs.folder / "empty"
    empty.mkdir()
    run = jobs.run(str(function), "--container", "--param", "name=Ada", PATH=str(empty))
    assert run.code == 24
    assert "neither podman nor docker is installed" in run.err


def test_inside_an_image(function: Path, podman: Podman) -> None:
    """The builder is not installed there, and the error of the flag says so."""
    image = re.search(r"image: (\S+)", function.read_text())
    assert image
    process: subprocess.CompletedProcess[str] = podman.run(
        image[1], "run", "--container", flags=("--tls-verify=false",)
    )
    assert process.returncode == 70
    assert re.search(r"pip install '[^']*\[build\]", process.stderr)
    process = podman.run(image[1], "build", flags=("--tls-verify=false",))
    assert process.returncode == 70
    assert "'build' is a verb of the builder, which is not installed here" in process.stderr
