"""A pushed build has statements that match the image; it is rebased onto a newer base and runs."""

from __future__ import annotations

import json
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from tests import starts
from tests.engine import Images, skopeo
from tests.gitserver import git
from tests.podman import Podman

from ovenbird import __version__
from ovenbird_builder.attestations import referrers, sbom
from ovenbird_builder.oci.reference import parse_reference
from ovenbird_builder.registry.client import RepositoryClient

SOURCE = """
import packaging.version

def greet(name: str = "you"):
    return f"{name}: {packaging.version.Version('1.0').major}"
"""
DOCUMENT = """
kind: python
name: greeter
spec:
  python_version: "3.11"
  source: {source: main.py, handler: greet}
  requirements: ["packaging==24.2"]
"""


PROJECT = """
[project]
name = "greeter"
version = "7.1"
license = "MIT"
"""


def run_ovenbird(*words: str) -> dict[str, Any]:
    """Run the command; the JSON that it prints."""
    process = starts.run(*words)
    assert process.returncode == 0, process.stderr
    document: dict[str, Any] = json.loads(process.stdout)
    return document


@pytest.mark.timeout(400)
def test_from_build_to_rebase(
    registry: str, base_images: Images, podman: Podman, tmp_path: Path, container_env: dict[str, str]
) -> None:
    """Build and push, inspect, put a newer base below, and run it: the packages are found, the new base's file too."""
    room = f"{registry}/statements/{uuid.uuid4().hex}"
    (tmp_path / "main.py").write_text(SOURCE)
    (tmp_path / "function.yaml").write_text(DOCUMENT)
    old = f"{room}/base:1"
    skopeo("copy", f"docker://{base_images['3.11']}", f"docker://{old}")
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "main.py", "pyproject.toml", "function.yaml")
    git(tmp_path, "commit", "-q", "-m", "first")
    words = ("--label", "team=data", "--annotation", "stage=test")
    built = run_ovenbird(
        "build", str(tmp_path / "function.yaml"), "--tag", f"{room}/app:1", "--base", old, "--push", *words
    )

    document = run_ovenbird("inspect", f"{room}/app:1", "--json")
    assert document["digest"] == built["digest"]
    assert (document["notes"], document["function"]) == ([], "greeter")
    assert document["sbom"]["digest"] == built["statements"][0]["sbom"]
    assert document["provenance"]["subject"] == built["digest"][7:]
    assert "packaging==24.2" in document["lock"]["text"]
    assert document["source"]["revision"] == git(tmp_path, "rev-parse", "HEAD")
    labels = {
        name: document["labels"].get(f"org.opencontainers.image.{name}") for name in ("version", "licenses", "title")
    }
    assert labels == {"version": "7.1", "licenses": "MIT", "title": "greeter"}
    assert (document["labels"]["team"], document["annotations"]["stage"]) == ("data", "test")
    assert "stage" not in document["labels"]
    repository = RepositoryClient(parse_reference(f"{room}/app:1"), container_env)
    row = next(referrer for referrer in document["referrers"] if referrer["artifactType"] == sbom.MEDIA_TYPE)
    bill = referrers.read_statement(repository, row)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill.decode()) is None
    assert run_ovenbird("sbom", f"{room}/app:1") == json.loads(bill)
    assert any(component.get("purl") == "pkg:pypi/packaging@24.2" for component in json.loads(bill)["components"])
    runtime = _list_base_packages(bill)
    assert {"uvicorn", "msgspec", "starlette"} <= runtime
    base = run_ovenbird("inspect", old, "--json")
    assert (base["kind"], base["runtime"], base["notes"]) == ("base", __version__, [])

    newer = _make_newer_base(old, f"{room}/base:2", tmp_path)
    rebased = run_ovenbird("rebase", f"{room}/app:1", "--base", newer, "--tag", f"{room}/app:2", "--push")
    again = run_ovenbird("rebase", f"{room}/app:1", "--base", newer, "--tag", f"{room}/app:3", "--push")
    assert again["digest"] == rebased["digest"]
    assert _list_base_packages(json.dumps(run_ovenbird("sbom", f"{room}/app:3")).encode()) == runtime
    container = podman.start(f"{room}/app:3").wait_ready()
    assert container.call({"name": "rebased"}).text == "rebased: 1"
    assert container.exec("cat", "/etc/newer").stdout == "yes\n"


def _list_base_packages(bill: bytes) -> set[str]:
    """Return the names of the packages that the base brings."""
    row = {"name": "ovenbird:from", "value": "base"}
    return {component["name"] for component in json.loads(bill)["components"] if row in component.get("properties", ())}


def _make_newer_base(old: str, name: str, folder: Path) -> str:
    """Return the same base with a file more, as a patched one would be."""
    (folder / "newer").write_text("yes\n")
    container = f"newer-{uuid.uuid4().hex}"
    for argv in (
        ("buildah", "from", "--name", container, old),
        ("buildah", "copy", "--quiet", container, str(folder / "newer"), "/etc/newer"),
        ("buildah", "commit", "--quiet", "--rm", "--tls-verify=false", container, f"docker://{name}"),
    ):
        process = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert process.returncode == 0, process.stderr
    return name
