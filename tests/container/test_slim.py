"""`build --slim`: what packages do not need is not in the image, and no list, statement or check says otherwise."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httptools.parser.parser
import pytest
from tests import starts
from tests.builds import Builds
from tests.engine import Images
from tests.podman import Podman
from tests.wheels import wheel

from ovenbird_builder.attestations import referrers, sbom
from ovenbird_builder.errors import CheckError
from ovenbird_builder.layers.elf import strip_symbols
from ovenbird_builder.oci import label_names
from ovenbird_builder.oci.reference import parse_reference
from ovenbird_builder.registry.client import RepositoryClient

pytestmark = pytest.mark.timeout(600)
VERSION = "3.12"
SOURCE = """
import base64
import hashlib
import importlib.metadata
import json
import bell

def handler() -> dict:
    files = {name: list(map(str, importlib.metadata.files(name))) for name in ("bell", "gong")}
    absent = [str(file) for name in files for file in importlib.metadata.files(name) if not file.locate().exists()]
    data = bell.read_library()
    (record,) = (file for file in importlib.metadata.files("bell") if file.name == "fast.so")
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    is_recorded = (record.size, record.hash.value) == (len(data), digest)
    return {"files": files, "absent": absent, "sound": bell.ring(), "is_recorded": is_recorded}
"""
DOCUMENT = """
kind: python
name: bells
spec:
  source: {source: main.py, handler: handler}
  requirements: [./bell-1.0-py3-none-any.whl, ./gong-1.0-py3-none-any.whl]
"""
LIBRARY = Path(httptools.parser.parser.__file__).read_bytes()
BELL = {
    "bell/__init__.py": "from bell.sound import read_library, ring\n",
    "bell/sound.py": """
from pathlib import Path

def ring():
    return "dong"

def read_library():
    return Path(__file__).with_name("fast.so").read_bytes()
""",
    "bell/fast.so": LIBRARY,
    "bell/fast.c": "int x;\n", "bell/include/bell.h": "int x;\n", "bell/libbell.a": b"!<arch>\n",
    "bell/__init__.pyi": "def ring() -> str: ...\n",
    "bell/tests/__init__.py": "", "bell/tests/test_ring.py": "import bell\n", "bell/tests/data/long.txt": "x" * 5000,
}  # fmt: skip
# a module that needs a header, and hides it from whoever reads the source
GONG = {"gong/__init__.py": "from pathlib import Path\nopen(Path(__file__).with_name('gong' + '.h'))\n",
        "gong/gong.h": "int y;\n", "gong/fast.so": b"\0"}  # fmt: skip


@pytest.fixture
def builds(tmp_path: Path, base_images: Images, build_cache: Path) -> Builds:
    builds = Builds(tmp_path, cache=build_cache, OVENBIRD_BASE=base_images[VERSION])
    builds.write(main__py=SOURCE, function__yaml=DOCUMENT)
    for name, files in (("bell", BELL), ("gong", GONG)):
        wheel(builds.source, name, files=files)
    return builds


def call(podman: Podman, image: str) -> dict[str, Any]:
    """Call the function once in a container; its answer."""
    code = "import json, main; print(json.dumps(main.handler()))"
    process = podman.run(image, "-c", code, flags=("--network=none", "--entrypoint=python"))
    assert process.returncode == 0, process.stderr
    answer: dict[str, Any] = json.loads(process.stdout)
    return answer


def inspect(image: str) -> dict[str, Any]:
    process = starts.run("inspect", image, "--json")
    assert process.returncode == 0, process.stderr
    facts: dict[str, Any] = json.loads(process.stdout)
    return facts


def read_properties(row: Mapping[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in row.get("properties", ())}


def test_a_slim_image_lacks_what_is_not_needed_and_says_so(
    builds: Builds, podman: Podman, registry: str, container_env: dict[str, str]
) -> None:
    """RECORD lists what is there and no more; labels, result, SBOM and `inspect` count what is left out."""
    tag = f"{registry}/slim/{uuid.uuid4().hex}:1"
    plain = builds.ok("--tag", f"{tag}-plain", "--push")
    slim = builds.ok("--tag", tag, "--push", "--slim", "--slim-keep=Gong")
    again = builds.ok("--tag", f"{tag}-plain", "--push")
    assert (again["digest"], again["changed"], "slim" in plain) == (plain["digest"], False, False)
    assert {layer["key"] for layer in slim["layers"]} ^ {layer["key"] for layer in plain["layers"]}
    answer = call(podman, tag)
    assert (answer["absent"], answer["sound"], answer["is_recorded"]) == ([], "dong", True)
    names = [name for name in answer["files"]["bell"] if name.startswith("bell/")]
    assert [name for name in names if "__pycache__" not in name] == [
        "bell/__init__.py",
        "bell/fast.so",
        "bell/sound.py",
    ]
    assert "gong/gong.h" in answer["files"]["gong"]
    left_out = {
        "files": 7,
        "bytes": sum(len(BELL[name]) for name in BELL if not name.endswith((".so", "__.py", "d.py")))
        + len(LIBRARY)
        - len(strip_symbols(LIBRARY)),
    }
    (row,) = slim["slim"]["packages"]
    assert {key: slim["slim"][key] for key in left_out} == left_out == {key: row[key] for key in left_out}
    assert set(row["kinds"]) == {"tests", "headers", "sources", "libraries", "stubs", "symbols"}
    facts = inspect(tag)
    assert facts["slim"] == left_out
    assert facts["labels"][label_names.SLIM_FILES] == str(left_out["files"])
    repository = RepositoryClient(parse_reference(tag), container_env)
    statements = referrers.list_referrers(repository, slim["digest"])
    (bill,) = (row for row in statements if row["artifactType"] == sbom.MEDIA_TYPE)
    document = json.loads(referrers.read_statement(repository, bill))
    texts = {f"ovenbird:slim:left-out:{unit}": str(number) for unit, number in left_out.items()}
    assert texts.items() <= read_properties(document["metadata"]["component"]).items()
    rows = {row["name"]: read_properties(row) for row in document["components"]}
    assert texts.items() <= rows["bell"].items()
    assert not texts.keys() & rows["gong"].keys()


def test_the_check_names_a_package_that_misses_what_was_left_out(builds: Builds) -> None:
    """A package that nothing imports yet, and that would fail when something does, is found before it is delivered."""
    build = builds.run("--tag", "localhost/slim/missing:1", "--slim")
    assert build.status == CheckError.exit_code
    assert "gong" in build.err
    assert "gong.h" in build.err
    assert "--slim-keep" in build.err


def test_a_bundle_of_a_slim_build_gives_the_same_image(builds: Builds, tmp_path: Path) -> None:
    """What the bundle was asked for is built from it, with no index."""
    flags = ("--slim", "--slim-keep", "gong")
    built = builds.ok("--tag", "localhost/slim/app:1", *flags)
    builds.ok(*flags, "--out", str(tmp_path / "slim.bundle"), verb="bundle")
    other = Builds(tmp_path / "other")
    unbundled = other.ok(str(tmp_path / "slim.bundle"), "--tag", "localhost/slim/app:2", "--offline")
    assert (unbundled["digest"], unbundled["slim"]) == (built["digest"], built["slim"])


def test_a_rebased_slim_image_still_says_what_it_lacks(builds: Builds, registry: str, base_images: Images) -> None:
    """The labels go with the layers."""
    tag = f"{registry}/slim/{uuid.uuid4().hex}:1"
    builds.ok("--tag", tag, "--push", "--slim", "--slim-keep=gong")
    builds.ok(tag, "--base", base_images[VERSION], "--tag", f"{tag}-rebased", "--push", verb="rebase")
    facts = [inspect(name)["slim"] for name in (tag, f"{tag}-rebased")]
    assert facts[0]
    assert facts[0] == facts[1]
