"""`ovenbird inspect` prints all that is known about an image, as a table or as JSON."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from tests.builder import handmade
from tests.engine import skopeo

from ovenbird_builder import cli
from ovenbird_builder.attestations import provenance, referrers, sbom
from ovenbird_builder.attestations.image_packages import BaseComponent, ImageComponents, ImagePackage
from ovenbird_builder.commands import inspect as command
from ovenbird_builder.errors import BuildRequestError
from ovenbird_builder.image_reader.resolve import ImageAccess, resolve_image
from ovenbird_builder.inspect_image import inspect
from ovenbird_builder.oci import label_names
from ovenbird_builder.oci.media_types import MANIFEST
from ovenbird_builder.oci.reference import parse_reference
from ovenbird_builder.registry.client import RepositoryClient

BASE = BaseComponent("x/base:1", "sha256:" + "b" * 64, "3.12.1", "amd64")


@pytest.fixture
def pushed_image(tmp_path: Path, registry: str) -> str:
    """Push an image with its statements and a signature; return its name."""
    image = handmade.make_function(
        tmp_path / "image", handmade.make_base(tmp_path / "base", {"etc/base": b"1"}), "x/base:1"
    )
    name = f"{registry}/inspect/{uuid.uuid4().hex}:1"
    skopeo("copy", "--preserve-digests", f"oci:{image.folder}", f"docker://{name}")
    repository = RepositoryClient(parse_reference(name), {})
    manifest = repository.fetch_manifest("1")
    about = {"mediaType": MANIFEST, "digest": manifest.digest, "size": len(manifest.data)}
    package = ImagePackage("numpy", "2.1.0", "e" * 64)
    bill = sbom.build_sbom(ImageComponents(name="greeter", version="1", packages=[package], base=BASE, runtime="0.1.0"))
    material = provenance.describe_wheel(package.name, package.version, package.sha256, package.filename)
    statement = provenance.build_provenance(provenance.BuildRecord(
        name=name, digest=manifest.digest, parameters={}, materials=[material], version="0.1.0", epoch=0
    ))  # fmt: skip
    referrers.attach(repository, manifest.digest, [
        referrers.pack(bill, sbom.MEDIA_TYPE, about, "sbom.cdx.json", 0),
        referrers.pack(statement, provenance.MEDIA_TYPE, about, "provenance.json", 0),
        referrers.pack(b"{}", "application/vnd.dev.cosign.artifact.sig.v1+json", about, "signature", 0),
    ])  # fmt: skip
    return name


def run_inspect(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    """Run the verb and return its JSON output."""
    assert cli.main(["inspect", "--platform", "linux/amd64", *words]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_it_reports_everything(pushed_image: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Labels, layers, history and statements are reported, with no note."""
    document = run_inspect(capsys, pushed_image)
    assert (document["ours"], document["kind"]) == (True, "function")
    assert document["notes"] == []
    assert document["function"] == "greeter"
    assert document["source"] == {"uri": "git+https://example.org/greet.git", "revision": "c" * 40,
                               "digest": "sha256:" + "d" * 64}  # fmt: skip
    assert document["base"]["name"] == "x/base:1"
    assert document["python"] == {"version": "3.12.1", "soabi": "cpython-312-x86_64-linux-gnu", "libc": "glibc 2.36"}
    assert document["runtime"] == "0.1.0"
    assert [(row["of"], row["holds"]) for row in document["layers"]] == [
        ("base", "base"), ("image", "numpy 2.1.0"), ("image", "source"), ("image", "function document"),
    ]  # fmt: skip
    assert document["size"] == sum(row["size"] for row in document["layers"]) > 0
    assert document["document"] == handmade.DOCUMENT.decode()
    assert document["lock"] == {"digest": "sha256:" + "e" * 64, "text": handmade.LOCK.decode()}
    assert document["sbom"]["components"] == {"container": 1, "framework": 1, "library": 1, "platform": 1}
    assert document["provenance"]["build_type"] == "urn:ovenbird:build:v1"
    assert document["provenance"]["subject"] == document["digest"][7:]
    assert [signature["type"] for signature in document["signatures"]] == [
        "application/vnd.dev.cosign.artifact.sig.v1+json"
    ]


def test_people_get_a_table(pushed_image: str) -> None:
    """The parts that matter stand in it."""
    from rich.console import Console

    console = Console(width=160, record=True, file=io.StringIO())
    for part in command.render_facts(inspect(resolve_image(pushed_image, ImageAccess({}, platform="linux/amd64")))):
        console.print(part)
    text = console.export_text()
    for expected in ("greeter", "numpy 2.1.0", "2 packages", "x/base:1@sha256:", "3.12.1, cpython-312", "1 library",
                     "SLSA: urn:ovenbird:build:v1", "cosign", "handler: greet", "in 4 layers"):  # fmt: skip
        assert expected in text, text


def test_a_foreign_image_is_shown_with_a_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its layers and configuration, and a note that it is not ours."""
    image = handmade.make_image(tmp_path / "i", [{"a": b"1"}, {"b": b"2"}], {"Cmd": ["sh"]}, names=["ADD a", "RUN b"])
    document = run_inspect(capsys, f"oci:{image.folder}")
    assert (document["ours"], document["document"], document["sbom"]) == (False, None, None)
    assert [row["holds"] for row in document["layers"]] == ["ADD a", "RUN b"]
    assert document["entrypoint"] == ["sh"]
    assert any(label_names.BASE_LAYERS in note for note in document["notes"])


def test_a_base_of_ovenbird_is_recognised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As `ovenbird base build` makes it: its runtime, its Python and what it was built on; nothing is missing of it."""
    inner = {
        "Env": ["PYTHON_VERSION=3.12.7"], "Entrypoint": ["/opt/ovenbird/bin/ovenbird"],
        "Labels": {label_names.TITLE: "Ovenbird base with the platform's SDK", label_names.VERSION: "0.1.0",
                   label_names.BASE_NAME: "python:3.12-slim", label_names.BASE_DIGEST: "sha256:" + "a" * 64},
    }  # fmt: skip
    image = handmade.make_image(tmp_path / "i", [{"etc/base": b"1"}], inner)
    document = run_inspect(capsys, f"oci:{image.folder}")
    assert (document["ours"], document["kind"], document["function"], document["runtime"]) == (
        True,
        "base",
        "",
        "0.1.0",
    )
    assert (document["python"]["version"], document["base"]["name"]) == ("3.12.7", "python:3.12-slim")
    assert len(document["notes"]) == 1
    assert "in its registry" in document["notes"][0]


def test_missing_parts_are_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An image without its document, in a folder, which cannot have statements."""
    below = handmade.make_base(tmp_path / "base", {"etc/base": b"1"})
    image = handmade.make_image(
        tmp_path / "i", [{"shared/main.py": b""}], {"Labels": {label_names.BASE_LAYERS: "1"}}, below=below
    )
    notes = run_inspect(capsys, f"oci:{image.folder}")["notes"]
    assert notes[:2] == [
        "the image holds no /opt/ovenbird/function.yaml", "the image holds no /opt/ovenbird/function.lock",
    ]  # fmt: skip
    assert "in its registry" in notes[2]


def test_a_statement_that_is_damaged_is_noted(pushed_image: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An invalid SBOM artifact does not end the verb."""
    repository = RepositoryClient(parse_reference(pushed_image), {})
    manifest = repository.fetch_manifest("1")
    about = {"mediaType": MANIFEST, "digest": manifest.digest, "size": len(manifest.data)}
    referrers.attach(repository, manifest.digest, [referrers.pack(b"no json", sbom.MEDIA_TYPE, about, "bad", 0)])
    bad = "sha256:" + hashlib.sha256(referrers.pack(b"no json", sbom.MEDIA_TYPE, about, "bad", 0).manifest).hexdigest()
    assert any(bad in note for note in run_inspect(capsys, pushed_image)["notes"])


@pytest.mark.parametrize("text", ["bogus", "linux/", "/amd64", "linux/amd64,linux/arm64"])
@pytest.mark.parametrize("words", [("inspect",), ("sbom",), ("rebase", "--base", "localhost/x:2")])
def test_a_platform_has_a_form(words: tuple[str, ...], text: str) -> None:
    """It is refused before anything is looked for."""
    with pytest.raises(BuildRequestError, match=r"--platform: expected `OS/ARCH`"):
        cli.main([*words, "--platform", text, "localhost/x:1"])


def test_it_is_a_verb_of_the_command() -> None:
    """`ovenbird inspect` is found by its entry point, and a missing image ends it with the status of its phase."""
    process = subprocess.run(
        [sys.executable, "-m", "ovenbird", "inspect", "oci:/none"], capture_output=True, text=True, check=False
    )
    assert process.returncode == 61, process.stderr
    assert "'/none'" in process.stderr
    assert process.stdout == ""
