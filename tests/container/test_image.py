"""Labels and content of a base image, and what it lacks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.engine import AVAILABLE, Images, skopeo
from tests.podman import Podman

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
# `pip check` and `pip list` in one process: pip's own modules have no bytecode there
PIP = """
import sys
from pip._internal.cli.main import main
sys.exit(main(["check"]) or main(["list", "--format=freeze"]))
"""


@pytest.mark.parametrize("version", AVAILABLE)
def test_content_and_permissions_of_the_image(version: str, base_images: Images, podman: Podman) -> None:
    """No compiler, cache or mount point is in the image; bytecode is whole and never checked; its user is 8877:999.

    `pip check` finds every need of every package met, and pip sees the runtime's packages.
    """
    shell = 'python3 -c "$1" && python3 -c "$2"'
    flags = ("--entrypoint=sh", "--network=none")
    process = podman.run(base_images[version], "-c", shell, "sh", LOOK, PIP, flags=flags)
    assert process.returncode == 0, process.stdout + process.stderr
    look, check, *packages = process.stdout.splitlines()
    assert check == "No broken requirements found."
    assert f"ovenbird=={__version__}" in packages
    facts = json.loads(look)
    assert facts.pop("sources") > 300
    assert facts == {
        "stale": [], "without": 0, "compilers": [], "left": [], "lists": [], "tmp": [], "shared": [], "owned": [],
        "user": [8877, 999], "home": "/shared", "name": "ovenbird", "command": "/usr/local/bin/ovenbird",
        "folder": "/shared", "builder": [],
    }  # fmt: skip


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
