"""Images in and out of the cache, against a real registry and the local store."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from tests.builder.shop import Shop, named

from ovenbird_builder.cache.layer_cache import LayerCache
from ovenbird_builder.errors import BaseMissingError
from ovenbird_builder.image_store.skopeo_client import read_layout_digest
from ovenbird_builder.oci.reference import ImageReference


@pytest.fixture
def shop(tmp_path: Path, container_env: dict[str, str]) -> Shop:
    return Shop(tmp_path / "cache")


def test_a_pushed_image_is_pulled_into_the_blobs(shop: Shop, registry: str, tmp_path: Path) -> None:
    """Into another cache, byte for byte, once by its digest."""
    tag = named(registry)
    shop.push(tag)
    other = LayerCache(tmp_path / "other")
    client = replace(shop.registry, blobs=other.blobs)
    image = f"docker://{tag.pin(shop.image.digest).remote}"
    client.pull(image, tmp_path / "layout", insecure=True, platform=("linux", "amd64"))
    assert read_layout_digest(tmp_path / "layout") == shop.image.digest
    assert other.read(shop.image.digest) == shop.image.manifest


def test_the_store_keeps_the_digest_of_an_image(shop: Shop, tmp_path: Path) -> None:
    """A loaded image has the same digest, and can be removed."""
    tag = ImageReference("localhost", "ovenbird-test", tmp_path.name.lower().replace("_", "-"))
    assert shop.registry.find_stored(tag) == ""
    shop.registry.load(shop.layout, tag.local)
    try:
        assert shop.registry.find_stored(tag) == shop.image.digest
    finally:
        subprocess.run(["buildah", "rmi", tag.local], check=True, capture_output=True)


def test_a_missing_image_is_reported(shop: Shop, registry: str) -> None:
    """By its name."""
    with pytest.raises(BaseMissingError, match="no such image"):
        shop.registry.read_manifest(f"docker://{registry}/bake/none:1", insecure=True)
