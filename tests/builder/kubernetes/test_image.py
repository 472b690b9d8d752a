"""The image is the named one, and a tag is resolved by its registry."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from ovenbird_builder.errors import BaseMissingError, RegistryError

from .conftest import DIGEST, DOCUMENT, Manifests

OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def test_the_image_of_the_document(make: Callable[..., Manifests], refused: Callable[..., str], folder: Path) -> None:
    """The image of the document is the default; a wrong one is reported as the document's."""
    assert "`--image` is missing, and the document has no `spec.image`" in refused("--action", "job", image="")
    (folder / "function.yaml").write_text(DOCUMENT + f"  image: r.example/greet@{DIGEST}\n")
    assert make("--action", "job", image="").container["image"] == f"r.example/greet@{DIGEST}"
    (folder / "function.yaml").write_text(DOCUMENT + "  image: 'A B'\n")
    assert "spec.image: 'A B' is not the name of an image" in refused("--action", "job", image="")


def test_a_tag_is_resolved_to_its_digest(registry: str, make: Callable[..., Manifests]) -> None:
    """The digest is that of the manifest as the registry has it: of an index too, whatever is in it."""
    config = b"{}"
    blob = "sha256:" + hashlib.sha256(config).hexdigest()
    base = f"http://{registry}/v2/manifests/tags"
    with httpx.Client(trust_env=False, verify=False) as client:
        location = client.post(f"{base}/blobs/uploads/").headers["location"]
        client.put(f"{location}&digest={blob}", content=config).raise_for_status()
        image = {
            "schemaVersion": 2, "mediaType": OCI, "layers": [],
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": blob, "size": 2},
        }  # fmt: skip
        text = json.dumps(image, indent=3).encode()
        digest = "sha256:" + hashlib.sha256(text).hexdigest()
        client.put(f"{base}/manifests/one", content=text, headers={"content-type": OCI}).raise_for_status()
        other = {"architecture": "s390x", "os": "linux"}  # no machine that runs this test
        many = {
            "schemaVersion": 2, "mediaType": INDEX,
            "manifests": [{"mediaType": OCI, "digest": digest, "size": len(text), "platform": other}],
        }  # fmt: skip
        index = (json.dumps(many) + "\n").encode()
        client.put(f"{base}/manifests/many", content=index, headers={"content-type": INDEX}).raise_for_status()
    for tag, expected in (("one", digest), ("many", "sha256:" + hashlib.sha256(index).hexdigest())):
        manifests = make("--action", "job", "--resolve", image=f"{registry}/manifests/tags:{tag}")
        assert manifests.container["image"] == f"{registry}/manifests/tags:{tag}@{expected}"
        assert "is a tag" not in manifests.notes


def test_a_digest_is_not_resolved(make: Callable[..., Manifests]) -> None:
    """A digest needs no registry."""
    image = f"nowhere.invalid/a:1@{DIGEST}"
    assert make("--action", "job", "--resolve", image=image).container["image"] == image


def test_a_registry_that_does_not_know_or_answer(registry: str, make: Callable[..., Manifests]) -> None:
    """A tag that is not there, and a registry that is not: two errors, each with the image's name."""
    with pytest.raises(BaseMissingError, match=r"--resolve: the registry has no image .*manifests/absent:1"):
        make("--action", "job", "--resolve", image=f"{registry}/manifests/absent:1")
    with pytest.raises(RegistryError, match=r"cannot ask for 127\.0\.0\.1:1/x:1: the registry does not answer"):
        make("--action", "job", "--resolve", image="127.0.0.1:1/x:1")
