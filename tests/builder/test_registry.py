"""Images in and out, against real registries: one that works, one with a password, one that is down or breaks off."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from tests.builder.proxies import breaking
from tests.builder.registries import PASSWORD, USER, with_password
from tests.engine import skopeo

from ovenbird_builder import registry as module
from ovenbird_builder.credentials import Credentials, credentials
from ovenbird_builder.errors import BaseMissingError, DigestError, RegistryDeniedError, RegistryError
from ovenbird_builder.layers.assemble import Changes, Image, kept, layout, predict
from ovenbird_builder.layers.cache import Cache
from ovenbird_builder.layers.source import files_layer
from ovenbird_builder.reference import Reference, parse
from ovenbird_builder.registry import Registry, layout_digest

EMPTY_MANIFEST = b'{"schemaVersion": 2, "layers": []}'
EMPTY_CONFIG = b'{"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}'


class Shop:
    """A cache with one small image in it, and a registry client."""

    def __init__(self, folder: Path, size: int = 100) -> None:
        self.cache = Cache(folder)
        layer = files_layer({"/data": os.urandom(size)}, self.cache)
        self.image: Image = kept(predict(EMPTY_MANIFEST, EMPTY_CONFIG, [layer], Changes(), {}, 0), self.cache)
        self.layout = layout(self.cache, "image", self.image.manifest, "image")
        self.registry = Registry(self.cache.blobs, os.environ, timeout=60)


@pytest.fixture
def shop(tmp_path: Path, container_env: dict[str, str]) -> Shop:
    return Shop(tmp_path / "cache")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Further tries come at once."""
    monkeypatch.setattr(module, "_PAUSES", (0.01, 0.01, 0.01))


def named(registry: str) -> Reference:
    return parse(f"{registry}/bake/{uuid.uuid4().hex}:1")


def test_what_is_pushed_has_the_digest_that_was_predicted(shop: Shop, registry: str) -> None:
    """Nothing is packed anew on the way; the registry says the same afterwards."""
    tag = named(registry)
    assert shop.registry.digest(tag) == ""
    shop.registry.push(shop.layout, tag, shop.image.digest)
    assert shop.registry.digest(tag) == shop.image.digest
    assert skopeo("inspect", "--raw", f"docker://{tag}").encode() == shop.image.manifest


def test_a_pushed_image_is_pulled_into_the_blobs(shop: Shop, registry: str, tmp_path: Path) -> None:
    """Into another cache, byte for byte, once by its digest."""
    tag = named(registry)
    shop.registry.push(shop.layout, tag, shop.image.digest)
    other = Cache(tmp_path / "other")
    client = replace(shop.registry, blobs=other.blobs)
    image = f"docker://{tag.pinned(shop.image.digest).remote}"
    client.pull(image, tmp_path / "layout", insecure=True, platform=("linux", "amd64"))
    assert layout_digest(tmp_path / "layout") == shop.image.digest
    assert other.read(shop.image.digest) == shop.image.manifest


def test_the_store_takes_an_image_as_it_is(shop: Shop, tmp_path: Path) -> None:
    """Loaded, it has the same digest there, and is gone when it is removed."""
    tag = Reference("localhost", "ovenbird-test", tmp_path.name.lower().replace("_", "-"))
    assert shop.registry.stored(tag) == ""
    shop.registry.load(shop.layout, tag.local)
    try:
        assert shop.registry.stored(tag) == shop.image.digest
    finally:
        subprocess.run(["buildah", "rmi", tag.local], check=True, capture_output=True)


def test_a_registry_that_is_down_is_told_after_some_tries(shop: Shop, quick: None) -> None:
    """With its address; each further try is told before it comes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    told: list[str] = []
    with pytest.raises(RegistryError, match=r"does not answer \(4 tries\).*connection refused") as caught:
        replace(shop.registry, tell=told.append).push(shop.layout, parse(f"{address}/a/b:1"), shop.image.digest)
    assert address in caught.value.message
    assert (len(told), caught.value.exit_code) == (3, 63)


def test_a_registry_that_breaks_off_is_tried_again(registry: str, tmp_path: Path, quick: None) -> None:
    """Connections that end amid a layer are followed by others, and the whole image arrives."""
    shop = Shop(tmp_path / "cache", size=400_000)
    told: list[str] = []
    with breaking(registry, breaks=10, after=60_000) as proxy:
        tag = named(proxy.address)
        replace(shop.registry, tell=told.append).push(shop.layout, tag, shop.image.digest)
        assert proxy.seen > 10
    assert told
    assert shop.registry.digest(replace(tag, host=registry)) == shop.image.digest


def test_nothing_half_pushed_is_tagged(registry: str, tmp_path: Path, quick: None) -> None:
    """Where every try breaks off amid a layer, the push is an error and the registry has no such tag."""
    shop = Shop(tmp_path / "cache", size=400_000)
    with breaking(registry, breaks=10_000, after=60_000) as proxy:
        tag = named(proxy.address)
        with pytest.raises(RegistryError, match=r"broke off \(4 tries\)"):
            shop.registry.push(shop.layout, tag, shop.image.digest)
    assert shop.registry.digest(replace(tag, host=registry)) == ""


def test_a_password_comes_from_a_file_and_is_in_no_argv(shop: Shop, tmp_path: Path, quick: None) -> None:
    """Without one the registry refuses, with a hint; with one, from either kind of file, it takes the push."""
    with with_password(tmp_path / "registry") as address:
        tag = parse(f"{address}/a/b:1")
        with pytest.raises(RegistryDeniedError) as caught:
            shop.registry.push(shop.layout, tag, shop.image.digest)
        assert "--creds-file" in caught.value.hint
        (tmp_path / "creds").write_text(f"{USER}:{PASSWORD}\n")
        with credentials("", str(tmp_path / "creds"), (address,), os.environ) as found:
            path = Path(found.authfile)
            assert path.stat().st_mode & 0o777 == 0o600
            assert PASSWORD in found.secrets
            (tmp_path / "auth.json").write_text(path.read_text())
            replace(shop.registry, credentials=found).push(shop.layout, tag, shop.image.digest)
        assert not path.exists()
        given = replace(shop.registry, credentials=Credentials(str(tmp_path / "auth.json")))
        assert given.digest(tag) == shop.image.digest


def test_a_wrong_password_is_denied_and_not_tried_again(shop: Shop, tmp_path: Path) -> None:
    """It would only lock the account."""
    told: list[str] = []
    with with_password(tmp_path / "registry") as address:
        (tmp_path / "creds").write_text(f"{USER}:wrong wrong")
        with credentials("", str(tmp_path / "creds"), (address,), os.environ) as found:
            client = replace(shop.registry, credentials=found, tell=told.append)
            with pytest.raises(RegistryDeniedError) as caught:
                client.push(shop.layout, parse(f"{address}/a/b:1"), shop.image.digest)
    assert told == []
    assert "wrong wrong" not in str(caught.value)


def test_an_image_that_is_not_there_is_told(shop: Shop, registry: str) -> None:
    """By its name."""
    with pytest.raises(BaseMissingError, match="no such image"):
        shop.registry.manifest(f"docker://{registry}/bake/none:1", insecure=True)


def test_a_tag_that_somebody_else_moved_is_noticed(shop: Shop, registry: str, tmp_path: Path) -> None:
    """After a push the registry is asked what it has by that name."""
    tag = named(registry)
    with pytest.raises(DigestError, match="the registry has sha256:"):
        shop.registry.push(shop.layout, tag, "sha256:" + "0" * 64)


def test_a_damaged_blob_is_not_pushed(shop: Shop, registry: str, quick: None) -> None:
    """A layer of the cache that is not what its name says is refused, and nothing is tagged."""
    tag = named(registry)
    row = json.loads(shop.image.manifest)["layers"][0]
    path = shop.cache.blob(row["digest"])
    path.write_bytes(b"\0" * row["size"])
    with pytest.raises((DigestError, RegistryError)):
        shop.registry.push(shop.layout, tag, shop.image.digest)
    assert shop.registry.digest(tag) == ""
