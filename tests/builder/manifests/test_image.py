"""References are taken apart, and a registry is asked what a tag means."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from ovenbird_builder.errors import BaseMissingError, ReferenceFormatError, RegistryError
from ovenbird_builder.manifests.image import Reference, parse, resolve

from .conftest import DIGEST, DOCUMENT, Made

OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("greet", ("greet", "", "")),
        ("greet:1.2", ("greet", "1.2", "")),
        ("localhost:5000/greet", ("localhost:5000/greet", "", "")),
        ("r.example/a/b__c/d-e.f:T_1.x", ("r.example/a/b__c/d-e.f", "T_1.x", "")),
        (f"R.example:5000/a@{DIGEST}", ("R.example:5000/a", "", DIGEST)),
        (f"[::1]:5000/a:1@{DIGEST}", ("[::1]:5000/a", "1", DIGEST)),
    ],
)
def test_references(text: str, parts: tuple[str, str, str]) -> None:
    """Name, tag and digest; put together they are the text again."""
    assert parse(text) == Reference(*parts)
    assert str(parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "A",
        "a b",
        "a:",
        "a@sha256:12",
        "a@md5:x",
        "/a",
        "a//b",
        "a/",
        "http://r/a",
        "a:b:c",
        "-a",
        "a\n",
        "a:" + "x" * 129,
    ],
)
def test_what_is_no_reference(text: str) -> None:
    """The text is shown, and the form that is expected."""
    with pytest.raises(ReferenceFormatError, match="is not the name of an image") as caught:
        parse(text)
    assert caught.value.exit_code == 22


def test_the_image_of_the_document(make: Callable[..., Made], refused: Callable[..., str], folder: Path) -> None:
    """What a build has written back is taken when no image is given; a wrong one is told as the document's."""
    assert "--image is missing, and the document has no spec.image" in refused("--action", "job", image="")
    (folder / "function.yaml").write_text(DOCUMENT + f"  image: r.example/greet@{DIGEST}\n")
    assert make("--action", "job", image="").container["image"] == f"r.example/greet@{DIGEST}"
    (folder / "function.yaml").write_text(DOCUMENT + "  image: 'A B'\n")
    assert "spec.image: 'A B' is not the name of an image" in refused("--action", "job", image="")


def test_what_a_tag_means_now(registry: str, make: Callable[..., Made]) -> None:
    """The digest is that of the manifest as the registry has it: of an index too, whatever is in it."""
    config = b"{}"
    blob = "sha256:" + hashlib.sha256(config).hexdigest()
    base = f"http://{registry}/v2/manifests/tags"
    with httpx.Client(trust_env=False) as client:
        place = client.post(f"{base}/blobs/uploads/").headers["location"]
        client.put(f"{place}&digest={blob}", content=config).raise_for_status()
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
    for tag, found in (("one", digest), ("many", "sha256:" + hashlib.sha256(index).hexdigest())):
        made = make("--action", "job", "--resolve", image=f"{registry}/manifests/tags:{tag}")
        assert made.container["image"] == f"{registry}/manifests/tags:{tag}@{found}"
        assert "is a tag" not in made.notes


def test_a_digest_is_not_asked_about() -> None:
    """It says already what it means."""
    known = parse(f"nowhere.invalid/a@{DIGEST}")
    assert resolve(known, env={}) is known


def test_a_registry_that_does_not_know_or_answer(registry: str) -> None:
    """A tag that is not there, and a registry that is not: two errors, each with the image's name."""
    registries = os.environ["CONTAINERS_REGISTRIES_CONF"]
    with pytest.raises(BaseMissingError, match="manifests/absent:1"):
        resolve(parse(f"{registry}/manifests/absent:1"), registries=registries, env=os.environ)
    with pytest.raises(RegistryError, match=r"cannot get the image '127\.0\.0\.1:1/x:1'"):
        resolve(parse("127.0.0.1:1/x:1"), registries=registries, env=os.environ)
