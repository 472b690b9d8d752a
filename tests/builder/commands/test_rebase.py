"""`ovenbird rebase` for real: in a registry, across registries, in the local store and in folders."""

from __future__ import annotations

import json
import os
import py_compile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.builder import handmade
from tests.builder.handmade import Handmade
from tests.engine import skopeo
from tests.registry import run_registry

from ovenbird.errors import OvenbirdError
from ovenbird_builder import cli
from ovenbird_builder.attestations import image_packages, referrers, sbom
from ovenbird_builder.errors import BaseMissingError, BuildRequestError, ImageError, IncompatibleBaseError
from ovenbird_builder.image_reader.resolve import ImageAccess, resolve_image
from ovenbird_builder.inspect_image import inspect
from ovenbird_builder.layers.layer_tar import read_tar
from ovenbird_builder.oci import label_names
from ovenbird_builder.oci.media_types import MANIFEST
from ovenbird_builder.oci.reference import parse_reference
from ovenbird_builder.registry.client import RepositoryClient

REACH = ImageAccess({}, platform="linux/amd64")


@pytest.fixture
def rebase(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """The verb; what it prints on stdout."""

    def run(*words: str) -> dict[str, Any]:
        own = ["--platform", "linux/amd64", "--cache-dir", str(tmp_path / "cache")]
        assert cli.main(["rebase", *words, *own]) == 0
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        return document

    return run


class RebaseImages:
    """An image and two bases, as folders and in a registry."""

    def __init__(self, folder: Path, registry: str, **labelled: str) -> None:
        self.repository = f"{registry}/rebase/{uuid.uuid4().hex}"
        self.old = handmade.make_base(folder / "old", {"etc/base": uuid.uuid4().bytes})
        self.new = handmade.make_base(folder / "new", {"etc/base": uuid.uuid4().bytes}, **labelled)
        self.image = handmade.make_function(folder / "image", self.old, f"{self.repository}/base:1")

    def push(self, image: Handmade, name: str) -> str:
        """Push one of them; its reference."""
        skopeo("copy", "--preserve-digests", f"oci:{image.folder}", f"docker://{self.repository}/{name}")
        return f"{self.repository}/{name}"

    def push_all(self) -> tuple[str, str]:
        """Push all; the image and the new base."""
        self.push(self.old, "base:1")
        return self.push(self.image, "app:1"), self.push(self.new, "base:2")


@pytest.fixture
def images(tmp_path: Path, registry: str) -> RebaseImages:
    """An image, its base, and a newer one with the same Python, patched."""
    return RebaseImages(tmp_path, registry, PYTHON="3.12.9")


def test_layers_are_not_downloaded_within_a_registry(
    images: RebaseImages, rebase: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    """The result is there in under 2 s with its statements, and no layer has come down to this machine."""
    image, base = images.push_all()
    result = rebase(image, "--base", base, "--tag", f"{images.repository}/app:2", "--push")
    reader = resolve_image(f"{images.repository}/app:2", REACH)
    assert result["digest"] == reader.digest
    assert [row["digest"] for row in reader.manifest["layers"]] == [*images.new.layers, *images.image.layers[1:]]
    assert (result["was"], result["base_digest"], result["base_was"]) == (
        images.image.digest, images.new.digest, images.old.digest,
    )  # fmt: skip
    assert (result["python"], result["layers"], result["kept"]) == ("3.12.9", 4, 3)
    assert result["seconds"] < 2
    assert not list((tmp_path / "cache/blobs/sha256").iterdir())
    assert resolve_image(image, REACH).digest == images.image.digest, "the tag of the original was moved"
    skopeo("copy", f"docker://{images.repository}/app:2", f"oci:{tmp_path / 'pulled'}")  # all of its blobs are there
    description = inspect(reader)
    assert description["document"] == handmade.DOCUMENT.decode()
    assert description["provenance"]["build_type"] == "urn:ovenbird:rebase:v1"
    assert description["provenance"]["subject"] == reader.digest[7:]


def test_a_function_as_a_base_is_told(images: RebaseImages, rebase: Callable[..., dict[str, Any]]) -> None:
    """Its files stay below: names that were mixed up are noticed."""
    image, base = images.push_all()
    result = rebase(image, "--base", image, "--tag", f"{images.repository}/app:2", "--push")
    assert any("is the image of the function 'greeter'" in text for text in result["warnings"]), result
    result = rebase(image, "--base", base, "--tag", f"{images.repository}/app:3", "--push")
    assert not any("is the image of the function" in text for text in result["warnings"])


def test_a_base_in_a_layout_is_named_as_it_is_found_again(
    images: RebaseImages, rebase: Callable[..., dict[str, Any]]
) -> None:
    """With its transport, as a build names it: the next rebase asks it what the base has set."""
    image, _ = images.push_all()
    base = f"oci:{images.new.folder}"
    result = rebase(image, "--base", base, "--push")
    assert result["base"] == base
    assert resolve_image(image, REACH).labels[label_names.BASE_NAME] == base
    again = rebase(image, "--base", f"oci:{images.old.folder}", "--push")
    assert not any("old base is not available" in text for text in again["warnings"])


def test_the_sbom_is_rebased_too(images: RebaseImages, rebase: Callable[..., dict[str, Any]]) -> None:
    """It has the new base and its Python; a missing SBOM is reported."""
    image, base = images.push_all()
    assert any("bill of materials" in text for text in rebase(image, "--base", base, "--push")["warnings"])
    image = images.push(images.image, "app:1")
    repository = RepositoryClient(parse_reference(image), {})
    about = {"mediaType": MANIFEST, "digest": images.image.digest, "size": len(repository.fetch_manifest("1").data)}
    floor = image_packages.BaseComponent("x/base:1", images.old.digest, "3.12.1", "amd64")
    bill = sbom.build_sbom(
        image_packages.ImageComponents(name="greeter", version="", packages=[], base=floor, runtime="0.1.0")
    )
    referrers.attach(
        repository, images.image.digest, [referrers.pack(bill, sbom.MEDIA_TYPE, about, "sbom.cdx.json", 0)]
    )
    result = rebase(image, "--base", base, "--push")
    assert result["warnings"] == []
    assert len(result["statements"]) == 2
    row = next(
        descriptor
        for descriptor in referrers.list_referrers(repository, result["digest"])
        if descriptor["artifactType"] == sbom.MEDIA_TYPE
    )
    parts = {
        component["bom-ref"]: component
        for component in json.loads(referrers.read_statement(repository, row))["components"]
    }
    assert (parts["base"]["version"], parts["python"]["version"]) == (images.new.digest, "3.12.9")


@pytest.mark.parametrize("source", [b"one = 2\n", b"one = 1\n"], ids=["another", "the same"])
def test_bytecode_of_the_new_base_is_not_run_for_a_changed_file(
    source: bytes, rebase: Callable[..., dict[str, Any]], tmp_path: Path, registry: str
) -> None:
    """An instruction changed a file that had no bytecode on the old base; a layer hides the new base's, once."""
    module = tmp_path / "m.py"
    module.write_bytes(source)
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    code = Path(str(py_compile.compile(str(module), cfile=str(tmp_path / "m.pyc"), invalidation_mode=mode)))
    folder = "usr/local/lib/python3.12/site-packages/numpy"
    cached = f"{folder}/__pycache__/__init__.cpython-312.pyc"
    images = RebaseImages(tmp_path, registry)
    images.image = handmade.make_function(
        tmp_path / "patched", images.old, f"{images.repository}/base:1", INSTRUCTIONS="1"
    )
    files = {f"{folder}/__init__.py": source, cached: code.read_bytes()}
    images.new = handmade.make_base(tmp_path / "compiled", files)
    image, base = images.push_all()
    words = ("--base", base, "--push", "--force")
    first = rebase(image, *words, "--tag", f"{images.repository}/app:2")
    reader = resolve_image(f"{images.repository}/app:2", REACH)
    if source == b"one = 1\n":
        assert (first["layers"], first["kept"]) == (4, 3)
        return
    assert (first["layers"], first["kept"]) == (5, 4)
    row = reader.manifest["layers"][1]
    with reader.open_blob(row["digest"]) as stream, read_tar(stream, row["mediaType"], "") as archive:
        assert [info.name for info in archive if info.isreg()] == [f"{folder}/__pycache__/.wh.__init__.cpython-312.pyc"]
    assert "bytecode" in reader.config["history"][2]["created_by"]
    again = rebase(f"{images.repository}/app:2", *words, "--tag", f"{images.repository}/app:3")
    assert again["digest"] == first["digest"]


def test_twice_gives_the_same(images: RebaseImages, rebase: Callable[..., dict[str, Any]]) -> None:
    """A rebase back onto the old base restores the layers."""
    image, base = images.push_all()
    first = rebase(image, "--base", base, "--tag", f"{images.repository}/app:2", "--push")
    again = rebase(image, "--base", base, "--tag", f"{images.repository}/app:2", "--push")
    assert (again["digest"], again["statements"]) == (first["digest"], first["statements"])
    rebase(
        f"{images.repository}/app:2",
        "--base",
        f"{images.repository}/base:1",
        "--tag",
        f"{images.repository}/app:3",
        "--push",
    )
    back, before = resolve_image(f"{images.repository}/app:3", REACH), resolve_image(image, REACH)
    assert back.manifest["layers"] == before.manifest["layers"]
    assert back.config["config"] == before.config["config"]


def test_layers_of_another_registry_are_copied(
    images: RebaseImages, rebase: Callable[..., dict[str, Any]], tmp_path: Path, insecure: Callable[[str], str]
) -> None:
    """Its layers are carried from one registry to the other."""
    image, _ = images.push_all()
    with run_registry(tmp_path / "other", tmp_path / "store") as address:
        other = RebaseImages(tmp_path / "elsewhere", insecure(address), PYTHON="3.12.7")
        base = other.push(other.new, "base:2")
        result = rebase(image, "--base", base, "--tag", f"{images.repository}/app:2", "--push")
    skopeo("copy", f"docker://{images.repository}/app:2", f"oci:{tmp_path / 'pulled'}")
    assert result["base_digest"] == other.new.digest


@pytest.mark.parametrize("kind", ["oci", "oci-archive"])
def test_into_a_folder_or_archive(
    images: RebaseImages, rebase: Callable[..., dict[str, Any]], tmp_path: Path, kind: str
) -> None:
    """From folders, without any registry."""
    destination = f"{kind}:{tmp_path / 'result'}"
    result = rebase(f"oci:{images.image.folder}", "--base", f"oci:{images.new.folder}", "--output", destination)
    reader = resolve_image(destination, REACH)
    assert reader.digest == result["digest"]
    assert inspect(reader)["document"] == handmade.DOCUMENT.decode()


def test_into_the_local_store(
    images: RebaseImages, rebase: Callable[..., dict[str, Any]], container_env: dict[str, str]
) -> None:
    """From a registry into the store, and from the store into a registry, without the cache having seen it."""
    image, base = images.push_all()
    name = f"localhost/rebased-{uuid.uuid4().hex}:1"
    stored = f"localhost/stored-{uuid.uuid4().hex}:1"
    reach = ImageAccess({**os.environ, **container_env}, platform="linux/amd64")
    skopeo("copy", f"oci:{images.image.folder}", f"containers-storage:{stored}")
    try:
        result = rebase(image, "--base", base, "--tag", name)
        assert resolve_image(name, reach).digest == result["digest"]
        pushed = rebase(stored, "--base", base, "--tag", f"{images.repository}/app:4", "--push")
        reader = resolve_image(f"{images.repository}/app:4", REACH)
        assert reader.digest == pushed["digest"]
        assert reader.config["rootfs"] == resolve_image(name, reach).config["rootfs"]
        assert inspect(reader)["document"] == handmade.DOCUMENT.decode()
    finally:
        for reference in (name, stored):
            skopeo("delete", f"containers-storage:{reference}")


def test_an_incompatible_base_is_refused_before_writing(
    tmp_path: Path, registry: str, rebase: Callable[..., dict[str, Any]]
) -> None:
    """Another Python is refused before anything is sent."""
    images = RebaseImages(tmp_path, registry, PYTHON="3.13.0")
    image, base = images.push_all()
    with pytest.raises(IncompatibleBaseError, match=r"3\.13\.0"):
        rebase(image, "--base", base, "--tag", f"{images.repository}/app:2", "--push")
    with pytest.raises(BaseMissingError):
        resolve_image(f"docker://{images.repository}/app:2", REACH)


def test_an_image_of_others_is_refused(images: RebaseImages, rebase: Callable[..., dict[str, Any]]) -> None:
    """With the label that it lacks."""
    with pytest.raises(ImageError, match=label_names.BASE_LAYERS.replace(".", r"\.")):
        rebase(f"oci:{images.old.folder}", "--base", f"oci:{images.new.folder}", "--tag", "localhost/x")


@pytest.mark.parametrize(
    "words",
    [
        ("oci:/x", "--base", "y"),
        ("r.example/x", "--base", "y", "--push", "--output", "oci:/z"),
        ("r.example/x", "--base", "y", "--output", "/z"),
        ("r.example/x", "--base", "y", "--output", f"oci-archive:{__file__}"),
        ("r.example/x", "--base", "y", "--output", f"oci:{__file__}"),
        ("r.example/x", "--base", "y", "--output", "oci:/proc/x"),
        ("r.example/x@sha256:" + "0" * 64, "--base", "y", "--push"),
    ],
)
def test_flags_that_make_no_sense_are_refused(words: tuple[str, ...]) -> None:
    """No name for the result, two destinations, or an unknown one."""
    with pytest.raises(BuildRequestError) as caught:
        cli.main(["rebase", *words])
    assert isinstance(caught.value, OvenbirdError)
    assert caught.value.exit_code == 20
