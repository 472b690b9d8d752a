"""`ovenbird sbom` prints the attached SBOM of an image, else one made from its content."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from tests.builder import handmade
from tests.builder.attestations.cyclonedx_schema import find_fault
from tests.engine import skopeo

from ovenbird_builder import cli
from ovenbird_builder.attestations import referrers, sbom
from ovenbird_builder.attestations.find_sbom import make_bill
from ovenbird_builder.attestations.image_packages import BaseComponent, ImageComponents, ImagePackage
from ovenbird_builder.errors import ImageError
from ovenbird_builder.image_reader.resolve import ImageAccess, resolve_image
from ovenbird_builder.oci import label_names
from ovenbird_builder.oci.media_types import MANIFEST
from ovenbird_builder.oci.reference import parse_reference
from ovenbird_builder.registry.client import RepositoryClient

SITE = "usr/lib/python3.12/site-packages"
BASE = BaseComponent("x/base:1", "sha256:" + "b" * 64, "3.12.1", "amd64")


def make_metadata(name: str, version: str, *lines: str) -> dict[str, bytes]:
    """Return the file that an installed distribution has."""
    text = "\n".join(("Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *lines))
    return {f"{SITE}/{name.replace('-', '_')}-{version}.dist-info/METADATA": text.encode()}


def run_sbom(capsys: pytest.CaptureFixture[str], name: str) -> tuple[dict[str, Any], str]:
    """Run the verb and return its JSON output and stderr."""
    assert cli.main(["sbom", "--platform", "linux/amd64", name]) == 0
    captured = capsys.readouterr()
    assert find_fault(captured.out) is None
    bill: dict[str, Any] = json.loads(captured.out)
    return bill, captured.err


def list_versions(bill: dict[str, Any]) -> dict[str, str]:
    return {
        component["name"]: component["version"]
        for component in bill["components"]
        if component["type"] in ("library", "framework")
    }


@pytest.fixture
def layout(tmp_path: Path) -> handmade.Handmade:
    """An image with packages in its base and above it, one of which the upper layers have replaced."""
    files = {
        **make_metadata("ovenbird", "0.1.0"), **make_metadata("uvicorn", "0.40.0", "License-Expression: BSD-3-Clause"),
        **make_metadata("pip", "24.0"), f"{SITE}/nameless-1.dist-info/METADATA": b"Summary: x\n",
    }  # fmt: skip
    below = handmade.make_base(tmp_path / "base", files)
    labels = {
        label_names.TITLE: "greeter", label_names.REVISION: "c" * 40, label_names.BASE_NAME: "x/base:1",
        label_names.BASE_DIGEST: below.digest, label_names.BASE_LAYERS: "1", label_names.PYTHON: "3.12.1",
    }  # fmt: skip
    above = {
        f"{SITE}/.wh.pip-24.0.dist-info": b"", **make_metadata("pip", "25.1"), **make_metadata("greet-er", "2.0"),
        f"{SITE}/x/.wh..wh..opq": b"",
    }  # fmt: skip
    return handmade.make_image(tmp_path / "image", [above], {"Labels": labels}, below=below)


def test_the_attached_sbom_is_printed(
    layout: handmade.Handmade, registry: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it was attached; one that is damaged is passed over."""
    name = f"{registry}/sbom/{uuid.uuid4().hex}:1"
    skopeo("copy", "--preserve-digests", f"oci:{layout.folder}", f"docker://{name}")
    repository = RepositoryClient(parse_reference(name), {})
    image = repository.fetch_manifest("1")
    about = {"mediaType": MANIFEST, "digest": image.digest, "size": len(image.data)}
    bill = sbom.build_sbom(
        ImageComponents(
            name="greeter", version="1", packages=[ImagePackage("six", "1.0", "e" * 64)], base=BASE, runtime="0.1.0"
        )
    )
    artifacts = [referrers.pack(data, sbom.MEDIA_TYPE, about, "sbom.cdx.json", 0) for data in (b"no json", bill)]
    referrers.attach(repository, image.digest, artifacts)
    printed_bill, notes = run_sbom(capsys, name)
    assert (printed_bill, notes) == (json.loads(bill), "")


def test_an_image_without_an_sbom_lists_its_distributions(
    layout: handmade.Handmade, capsys: pytest.CaptureFixture[str]
) -> None:
    """All distributions of its layers and base, by their metadata, without replaced ones."""
    bill, notes = run_sbom(capsys, f"oci:{layout.folder}")
    assert list_versions(bill) == {"ovenbird": "0.1.0", "uvicorn": "0.40.0", "pip": "25.1", "greet-er": "2.0"}
    uvicorn = next(component for component in bill["components"] if component["name"] == "uvicorn")
    assert uvicorn["licenses"] == [{"license": {"id": "BSD-3-Clause"}}]
    assert "hashes" not in uvicorn
    image = bill["metadata"]["component"]
    assert (image["name"], image["version"]) == ("greeter", "c" * 40)
    assert "the image has no bill of materials attached" in notes


def test_an_image_of_others_is_refused(tmp_path: Path) -> None:
    """It has no label of its base; the hint names a tool that reads it."""
    image = handmade.make_image(tmp_path / "i", [{"a": b"1"}], {"Cmd": ["sh"]})
    with pytest.raises(ImageError, match="is not an image of Ovenbird") as caught:
        make_bill(resolve_image(f"oci:{image.folder}", ImageAccess({}, platform="linux/amd64")))
    assert "scanner" in caught.value.hint


def test_it_is_a_verb_of_the_command() -> None:
    """Found by its entry point; a missing image ends it with the status of its phase."""
    process = subprocess.run(
        [sys.executable, "-m", "ovenbird", "sbom", "oci:/none"], capture_output=True, text=True, check=False
    )
    assert (process.returncode, process.stdout) == (61, ""), process.stderr
