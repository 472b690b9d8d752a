"""Bases in the cache: by the digest of their registry, by their config in the store, once, and offline."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.builder import handmade
from tests.builder.shop import Shop, named
from tests.engine import skopeo

from ovenbird_builder.bases.base_image import resolve_base
from ovenbird_builder.cache.layer_cache import LayerCache
from ovenbird_builder.errors import BaseMissingError, ProgramMissingError
from ovenbird_builder.image_store.skopeo_client import SkopeoClient
from ovenbird_builder.layers.image_manifest import write_layout

PLATFORM = "linux/amd64"


@pytest.fixture
def cache(tmp_path: Path, container_env: dict[str, str]) -> LayerCache:
    return LayerCache(tmp_path / "cache")


@pytest.fixture
def client(cache: LayerCache) -> SkopeoClient:
    return SkopeoClient(cache.blobs, os.environ, timeout=60)


@pytest.fixture
def shop(tmp_path: Path, container_env: dict[str, str]) -> Shop:
    """A small image in a cache of somebody else."""
    return Shop(tmp_path / "other", os.urandom(1000))


@pytest.fixture
def pushed_base(shop: Shop, registry: str) -> str:
    """It, in the registry."""
    tag = named(registry)
    shop.push(tag)
    return str(tag)


@pytest.fixture
def stored_base(shop: Shop) -> Iterator[str]:
    """It, in the store."""
    name = f"localhost/foundation-{uuid.uuid4().hex}:1"
    shop.registry.load(shop.layout, name)
    yield name
    subprocess.run(["buildah", "rmi", name], check=True, capture_output=True)


def test_a_base_of_a_registry_keeps_its_digest(
    pushed_base: str, shop: Shop, client: SkopeoClient, cache: LayerCache
) -> None:
    """Its blobs are stored in the cache unchanged."""
    base = resolve_base(pushed_base, PLATFORM, client, cache)
    assert (base.digest, base.manifest, base.config) == (shop.image.digest, shop.image.manifest, shop.image.config)
    assert len(base.diff_ids) == 1


def test_a_base_is_fetched_once_and_resolved_each_time(
    pushed_base: str, client: SkopeoClient, cache: LayerCache
) -> None:
    """A tag may move and a blob does not: without the registry the digest of the tag cannot be resolved."""
    first = resolve_base(pushed_base, PLATFORM, client, cache)
    blob = cache.locate_blob(first.digest)
    before = blob.stat().st_mtime_ns
    assert resolve_base(pushed_base, PLATFORM, client, cache) == first
    assert blob.stat().st_mtime_ns == before


def test_a_pinned_base_is_not_resolved_again(pushed_base: str, client: SkopeoClient, cache: LayerCache) -> None:
    """A digest needs no resolution, and nothing is resolved offline."""
    first = resolve_base(pushed_base, PLATFORM, client, cache)
    name = f"{pushed_base.rpartition(':')[0]}@{first.digest}"
    assert resolve_base(name, PLATFORM, client, cache).digest == first.digest
    deaf = replace(client, environ={**client.environ, "PATH": "/nowhere"})
    assert resolve_base(name, PLATFORM, deaf, cache).digest == first.digest
    assert resolve_base(pushed_base, PLATFORM, deaf, cache, offline=True).digest == first.digest


def test_offline_takes_a_base_of_this_machine(
    pushed_base: str, client: SkopeoClient, cache: LayerCache, tmp_path: Path
) -> None:
    """A layout and the store need no network; a registry is not asked, also where the store has the name too."""
    layout = f"oci:{tmp_path / 'base'}"
    skopeo("copy", "--preserve-digests", f"docker://{pushed_base}", layout)
    assert resolve_base(layout, PLATFORM, client, cache, offline=True).name == layout
    with pytest.raises(BaseMissingError, match=r"`--offline` fetches nothing"):
        resolve_base(f"{pushed_base}-other", PLATFORM, client, cache, offline=True)
    with pytest.raises(BaseMissingError, match=r"there is no base 'localhost/none:1'"):
        resolve_base("localhost/none:1", PLATFORM, client, cache, offline=True)


def test_a_missing_program_is_no_fault_of_a_base(client: SkopeoClient, cache: LayerCache, tmp_path: Path) -> None:
    """It has its own status and its hint, also for a base in a folder."""
    image = handmade.make_base(tmp_path / "base", {"etc/base": b"1"})
    with pytest.raises(ProgramMissingError, match="'skopeo' is not installed"):
        resolve_base(
            f"oci:{image.folder}", PLATFORM, replace(client, environ={**client.environ, "PATH": "/nowhere"}), cache
        )


def test_a_blob_that_went_missing_is_fetched_again(pushed_base: str, client: SkopeoClient, cache: LayerCache) -> None:
    """As after a prune, or a disk that lost it."""
    import json

    first = resolve_base(pushed_base, PLATFORM, client, cache)
    layer = cache.locate_blob(json.loads(first.manifest)["layers"][0]["digest"])
    layer.unlink()
    assert resolve_base(pushed_base, PLATFORM, client, cache) == first
    assert layer.exists()


def test_a_base_of_the_store_stays_the_same_in_another_compression(
    stored_base: str, client: SkopeoClient, cache: LayerCache
) -> None:
    """After a step has loaded the base from the cache, the store has another manifest for the same image."""
    first = resolve_base(stored_base, PLATFORM, client, cache)
    folder = write_layout(cache, "again", first.manifest, "image")
    again = stored_base.replace(":1", ":again")
    client.load(folder, again)
    try:
        second = resolve_base(stored_base, PLATFORM, client, cache)
    finally:
        subprocess.run(["buildah", "rmi", again], check=True, capture_output=True)
    assert second == first


def test_a_base_missing_in_its_registry_is_found_in_the_store(
    stored_base: str, client: SkopeoClient, cache: LayerCache, registry: str
) -> None:
    """A name with a host is looked up in its registry first."""
    name = f"{registry}/foundation/{uuid.uuid4().hex}:1"
    skopeo("copy", "--quiet", f"containers-storage:{stored_base}", f"containers-storage:{name}")
    try:
        assert resolve_base(name, PLATFORM, client, cache).diff_ids
    finally:
        subprocess.run(["buildah", "rmi", name], check=True, capture_output=True)


@pytest.mark.parametrize("name", ["localhost/no-such-base:1", "REGISTRY/no/such:1"])
def test_a_missing_base_is_reported(name: str, client: SkopeoClient, cache: LayerCache, registry: str) -> None:
    """With what to do about it."""
    with pytest.raises(BaseMissingError, match="there is no base") as caught:
        resolve_base(name.replace("REGISTRY", registry), PLATFORM, client, cache)
    assert "--base" in caught.value.hint
