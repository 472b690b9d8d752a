"""The platform's own way to start its Python image, with Ovenbird's base in its place."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.engine import AVAILABLE, OUTER, Images
from tests.podman import Podman, podman
from tests.processors import ENTRYPOINT, FUNCTIONS, document, http, job
from tests.wheels import wheel

pytestmark = pytest.mark.timeout(600)
LINE = (
    "/shared/entrypoint.sh", "--processor", "/opt/nuclio/processor", "--config", "/shared/function.yaml",
    "--requirements", "/shared/requirements.txt",
)  # fmt: skip
ADD = job({"handler": "add", "spec": {"parameters": {"a": 2, "b": 3}}})


@pytest.fixture
def shared(tmp_path: Path) -> Callable[..., tuple[str, ...]]:
    """Lay out /shared as the platform's init container does; the flags that mount it and start bash."""

    def lay_out(triggers: Any, requirements: str = "", *, network: bool = False, **spec: Any) -> tuple[str, ...]:
        shutil.copytree(FUNCTIONS / "rendered", tmp_path, dirs_exist_ok=True)
        (tmp_path / "function.yaml").write_text(json.dumps(document(triggers, **spec)))
        (tmp_path / "requirements.txt").write_text(requirements)
        (tmp_path / "entrypoint.sh").write_text(ENTRYPOINT)
        for path in (tmp_path, *tmp_path.rglob("*")):  # another user's, in the container
            path.chmod(0o777 if path.is_dir() else 0o644)
        mounts = ("--volume", f"{tmp_path}:/shared", "--env", "PYTHONPATH=/shared")
        flags = (*mounts, "--read-only", "--cap-drop", "all", "--entrypoint", "/bin/bash")
        return flags if network else (*flags, "--network", "none")

    return lay_out


@pytest.mark.parametrize("version", AVAILABLE)
def test_a_job(version: str, base_images: Images, podman: Podman, shared: Callable[..., tuple[str, ...]]) -> None:
    """The platform's line, as it stands, in the image of each version: the run is done, and the status is 0."""
    process = podman.run(base_images[version], *LINE, flags=shared(ADD))
    assert process.returncode == 0, process.stderr
    records = [json.loads(line) for line in process.stderr.splitlines()]
    assert [(record["message"], record.get("result")) for record in records] == [
        ("the run is done", 5),
        ("the job's event was answered 200", None),
    ]


@pytest.mark.parametrize("version", OUTER)
def test_a_service(version: str, base_images: Images, podman: Podman, shared: Callable[..., tuple[str, ...]]) -> None:
    """Both ports are open to other machines; SIGTERM drains."""
    flags = (*shared(http(maxWorkers=2), network=True), "--publish", "127.0.0.1::8082")
    container = podman.start(base_images[version], *LINE, flags=flags)
    container.wait_ready("/__internal/health")
    assert container.call({"name": "Ada"}, headers={"user-agent": "t"}).json() == {
        "text": "hello, Ada", "method": "POST", "agent": "t",
    }  # fmt: skip
    probes = _find_port(container.name, 8082)
    assert [
        httpx.get(f"http://{probes}/{name}", trust_env=False, verify=False).status_code for name in ("ready", "live")
    ] == [200] * 2
    assert container.exec("ovenbird", "health").returncode == 0
    assert container.stop() == 0, container.log


def test_a_job_is_stopped(base_images: Images, podman: Podman, shared: Callable[..., tuple[str, ...]]) -> None:
    """bash is process 1, which hears no signal by itself; the script that it runs waits for the processor's end."""
    flags = shared(job({"handler": "nap", "spec": {"parameters": {}}}), network=True)
    container = podman.start(base_images[AVAILABLE[-1]], *LINE, flags=flags)
    container.wait_log("asleep")
    assert container.stop() == 143, container.log
    assert "stopped by SIGTERM" in container.log


def test_requirements_are_installed_as_that_user(
    base_images: Images, podman: Podman, shared: Callable[..., tuple[str, ...]], tmp_path: Path
) -> None:
    """pip works for the image's user, who may not write where packages are; the function finds what it brought."""
    wheel(tmp_path / "wheels", "tiny", "1.0", files={"tiny.py": "def twice(a, b=2):\n    return a * b\n"})
    flags = shared(
        job({"handler": "twice", "spec": {"parameters": {"a": 21}}}),
        "--no-index\n--find-links /shared/wheels\ntiny==1.0\n",
    )
    process = podman.run(base_images[AVAILABLE[-1]], *LINE, flags=(*flags, "--env", "USER_MODULE=tiny"))
    assert process.returncode == 0, process.stderr
    assert '"result":42' in process.stderr


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"triggers": {}}, 71, "one of kind 'job' or 'http' is needed"),
        ({"handler": "nothing:here"}, 72, "no module 'nothing'"),
        ({"environment": 'INIT_PARAMETERS={"color": 1}'}, 73, "unexpected keyword argument 'color'"),
    ],
)
def test_a_start_that_fails(
    change: dict[str, Any], code: int, message: str, base_images: Images, podman: Podman,
    shared: Callable[..., tuple[str, ...]],
) -> None:  # fmt: skip
    """One record with the status of the phase, and no second try; the script makes a 1 of every failure."""
    extra = ("--env", change.pop("environment")) if "environment" in change else ()
    flags = shared(change.pop("triggers", http()), **change)
    process = podman.run(base_images[AVAILABLE[-1]], *LINE, flags=(*flags, *extra))
    assert process.returncode == 1, process.stderr
    (record,) = (json.loads(line) for line in process.stderr.splitlines() if line.startswith("{"))
    assert message in record["message"]
    assert record["exit_code"] == code


def test_the_programs_of_the_start_command_exist(base_images: Images, podman: Podman) -> None:
    """bash, python3, pip, and a processor that is a program of the image's own."""
    look = (
        "set -e; type bash python3 pip >/dev/null; test -x /opt/nuclio/processor; stat -c '%U %a' /opt/nuclio/processor"
    )
    process = podman.run(base_images[AVAILABLE[0]], "-c", look, flags=("--entrypoint", "/bin/bash"))
    assert (process.returncode, process.stdout) == (0, "root 755\n"), process.stderr


def _find_port(name: str, port: int) -> str:
    return podman("port", name, str(port)).stdout.strip()
