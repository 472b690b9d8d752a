"""A build without `--base` on a machine without a local base: on `python:X.Y-slim`, by alias or mirror."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.builds import Builds
from tests.container.conftest import ONE
from tests.engine import Images
from tests.podman import Podman

pytestmark = pytest.mark.timeout(600)
UPSTREAM = f"docker.io/library/python:{ONE}-slim"


@pytest.fixture
def builds(tmp_path: Path, container_env: dict[str, str]) -> Iterator[Builds]:
    """Builds with an empty store of their own, so that no base was made there."""
    conf = tmp_path / "storage.conf"
    conf.write_text(f'[storage]\ndriver = "overlay"\ngraphroot = "{tmp_path}/graph"\nrunroot = "{tmp_path}/run"\n')
    env = {"CONTAINERS_STORAGE_CONF": str(conf)}
    builds = Builds(tmp_path, **env)
    builds.write(main__py='def handler(name: str = "you"):\n    return f"Hello {name}"\n')
    yield builds
    for words in (["rm", "--all"], ["rmi", "--all", "--force"]):
        subprocess.run(["buildah", *words], env={**os.environ, **env}, capture_output=True, check=False)


def write_registries_conf(folder: Path, address: str) -> str:
    """Write a registries.conf that looks for Docker Hub at an address; its path."""
    path = folder / "registries.conf"
    path.write_text(f'[[registry]]\nprefix = "docker.io"\nlocation = "{address}"\ninsecure = true\n')
    return str(path)


def test_the_upstream_is_the_base(
    builds: Builds, registry: str, standins: Images, podman: Podman, tmp_path: Path
) -> None:
    """The image runs; the second build changes nothing; a mirror that is named takes the place of Docker Hub; the
    bundle needs neither, and nothing is told twice.
    """
    mirror = standins[ONE].partition("/")[0]
    tag = f"{registry}/plain/{tmp_path.name}:1"
    words = ("main.py", "--python", ONE, "--tag", tag, "--push")
    conf = write_registries_conf(tmp_path, registry)
    result = builds.run(*words, CONTAINERS_REGISTRIES_CONF=conf)
    assert result.status == 0, result.err
    assert result.err.count(f"note: the base is {UPSTREAM}") == 1
    assert f"`ovenbird base build {ONE}`" in result.err
    again: dict[str, Any] = builds.ok(*words, CONTAINERS_REGISTRIES_CONF=conf)
    assert (again["changed"], again["base"]["name"]) == (False, UPSTREAM)
    ran = podman.run(tag, "run", "--param", "name=Ada", flags=("--tls-verify=false",))
    assert (ran.returncode, ran.stdout.strip()) == (0, "Hello Ada"), ran.stderr
    bundle = ("main.py", "--python", ONE, "--registry", mirror, "--out", str(tmp_path / "app.bundle"))
    assert builds.ok(*bundle, verb="bundle")["base"]["name"] == standins[ONE]
    offline = builds.ok(
        str(tmp_path / "app.bundle"), "--offline", "--output", f"oci:{tmp_path / 'image'}",
        CONTAINERS_REGISTRIES_CONF=write_registries_conf(tmp_path, "127.0.0.1:1"),
    )  # fmt: skip
    assert offline["base"] == {"name": standins[ONE], "digest": again["base"]["digest"]}


def test_an_unreachable_docker_hub_is_reported(builds: Builds, tmp_path: Path) -> None:
    """Of a build and of a lock, with the status of a registry that does not answer, and with what helps."""
    env = {"CONTAINERS_REGISTRIES_CONF": write_registries_conf(tmp_path, "127.0.0.1:1")}
    for verb in ("build", "lock"):
        result = builds.run("main.py", "--python", ONE, verb=verb, **env)
        assert result.status == 63, result.err
        assert f"no base localhost/ovenbird:{ONE} on this machine" in result.error["message"]
        assert UPSTREAM in result.error["message"]
        assert "connection refused" in result.error["message"]
        assert "OVENBIRD_REGISTRY" in result.error["hint"]
