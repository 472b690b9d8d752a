"""Labels and content of a base image, and what it lacks."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest
from tests.container.conftest import ONE, Mounted
from tests.engine import AVAILABLE, Images, skopeo
from tests.podman import Podman
from tests.podman import podman as engine

from ovenbird import __version__

# what is left behind, and bytecode whose source would be looked at: `flags` is 1 for a hash that is never checked
LOOK = """
import json, os, pathlib, shutil, sys, sysconfig
unused = {"idlelib", "lib2to3", "test", "tests", "turtledemo", "tkinter", "ensurepip", "pydoc_data", "distutils",
          "site-packages", "dist-packages"}
site, library = "/opt/ovenbird/site/", sysconfig.get_path("stdlib")
stale, caches = [], 0
for root in (site, library):
    for path in pathlib.Path(root).rglob("*.pyc"):
        if root == library and unused & set(path.parts):
            continue
        caches += root == site
        if int.from_bytes(path.read_bytes()[4:8], "little") != 1:
            stale.append(str(path))
sources = [path for path in pathlib.Path(site).rglob("*.py")]
lists = pathlib.Path("/var/lib/apt/lists")
print(json.dumps({
    "stale": stale, "without": len(sources) - caches, "sources": len(sources),
    "compilers": [name for name in ("gcc", "cc", "g++", "make", "ld", "cargo") if shutil.which(name)],
    "left": [place for place in ("/run/ovenbird", "/stage", "/root/.cache", "/shared/.cache", "/run/secrets",
                                 "/opt/ovenbird/site/bin") if os.path.exists(place)],
    "lists": [str(path) for path in lists.rglob("*") if path.is_file() and path.name != "lock"],
    "tmp": os.listdir("/tmp"), "shared": os.listdir("/shared"),
    "owned": [path for path in ("/opt/ovenbird", "/opt/ovenbird/site", "/opt/ovenbird/bin/ovenbird")
              if os.stat(path).st_uid or os.stat(path).st_mode & 0o022],
    "user": [os.getuid(), os.getgid()], "home": os.path.expanduser("~"), "name": __import__("getpass").getuser(),
    "command": shutil.which("ovenbird"), "folder": os.getcwd(),
    "builder": [name for name in os.listdir(site) if name.startswith("ovenbird_builder")],
}))
"""


@pytest.mark.parametrize("version", AVAILABLE)
def test_content_and_permissions_of_the_image(version: str, base_images: Images, podman: Podman) -> None:
    """No compiler, cache or mount point is in the image; bytecode is whole and never checked; its user is 8877:999."""
    process = podman.run(base_images[version], "-c", LOOK, flags=("--entrypoint=python3", "--network=none"))
    assert process.returncode == 0, process.stderr
    facts = json.loads(process.stdout)
    assert facts.pop("sources") > 300
    assert facts == {
        "stale": [], "without": 0, "compilers": [], "left": [], "lists": [], "tmp": [], "shared": [], "owned": [],
        "user": [8877, 999], "home": "/shared", "name": "ovenbird", "command": "/usr/local/bin/ovenbird",
        "folder": "/shared", "builder": [],
    }  # fmt: skip


@pytest.mark.parametrize("version", AVAILABLE)
def test_a_start_compiles_nothing(version: str, base_images: Images, podman: Podman, mount_sources: Mounted) -> None:
    """Python reports each source that it compiles: only the user's."""
    flags = ("--env=PYTHONVERBOSE=1", *mount_sources({"main.py": "def handler(): return 1"}))
    service = podman.start(base_images[version], "serve", "main.py", flags=flags).wait_ready()
    assert service.call().json() == 1
    assert set(re.findall(r"code object from (/\S+\.py)$", service.log, re.MULTILINE)) == {"/shared/main.py"}


@pytest.mark.parametrize("version", AVAILABLE)
def test_the_packages_of_the_image_do_not_conflict(version: str, base_images: Images, podman: Podman) -> None:
    """`pip check` finds every need of every package met, and pip sees the runtime's packages."""
    both = ("sh", "-c", "pip check && pip list --format=freeze")
    process = podman.run(base_images[version], *both[1:], flags=("--entrypoint=sh", "--network=none"))
    assert process.returncode == 0, process.stdout + process.stderr
    assert "No broken requirements found." in process.stdout
    assert f"ovenbird=={__version__}" in process.stdout


@pytest.mark.parametrize("version", AVAILABLE)
def test_labels_annotations_and_configuration_of_the_image(version: str, base_images: Images, standins: Images) -> None:
    """Labels and annotations name what it is and what it was made from; the configuration is that of the platform."""
    reference = f"docker://{base_images[version]}"
    config: dict[str, Any] = json.loads(skopeo("inspect", "--config", reference))["config"]
    assert config["User"] == "8877:999"
    assert config["WorkingDir"] == "/shared"
    assert config["Entrypoint"] == ["/opt/ovenbird/bin/ovenbird"]
    assert config["Cmd"] == ["serve"]
    assert config["StopSignal"] == "SIGTERM"
    assert "8080/tcp" in config["ExposedPorts"]
    assert "OVENBIRD_HOST=0.0.0.0" in config["Env"]
    digest = json.loads(skopeo("inspect", f"docker://{standins[version]}"))["Digest"]
    annotations = json.loads(skopeo("inspect", "--raw", reference))["annotations"]
    for labels in (config["Labels"], annotations):
        assert labels["org.opencontainers.image.version"] == __version__
        assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
        assert labels["org.opencontainers.image.created"] == "1970-01-01T00:00:00Z"
        assert labels["org.opencontainers.image.base.name"] == f"docker.io/library/python:{version}-slim"
        assert labels["org.opencontainers.image.base.digest"] == digest


def test_the_health_check(registry: str, standins: Images, podman: Podman, mount_sources: Mounted) -> None:
    """In Docker's format the image has a health check, which distinguishes ready services from others."""
    name = f"localhost/ovenbird-docker:{ONE}"
    assert standins[ONE]
    command = (sys.executable, "-m", "ovenbird", "base", "build", ONE, "--registry", registry)
    subprocess.run((*command, "--tag", name, "--format", "docker", "--quiet"), check=True, capture_output=True)
    source = """
        import pathlib, time

        def init():
            while not pathlib.Path("/tmp/go").exists():
                time.sleep(0.02)

        def handler(): ...
    """
    service = podman.start(name, "serve", "main.py", flags=mount_sources({"main.py": source}))
    service.wait_ready("/_/live")
    check = ("healthcheck", "run", service.name)
    assert engine(*check, check=False).returncode == 1
    assert service.exec("touch", "/tmp/go").returncode == 0
    service.wait_ready()
    assert engine(*check, check=False).returncode == 0
