"""Images into real registries: one that works, one with a password, one that is down or breaks off."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs
from tests.builder.proxies import breaking
from tests.builder.registries import PASSWORD, USER, forgetful, with_password
from tests.builder.shop import Shop, named
from tests.engine import skopeo

from ovenbird_builder.errors import DigestError, RegistryAuthError, RegistryError
from ovenbird_builder.layers.image_manifest import make_index
from ovenbird_builder.oci.reference import parse_reference
from ovenbird_builder.publish.publish import PublishRequest, push_tags
from ovenbird_builder.registry import image_upload
from ovenbird_builder.registry.auth_file import RegistryAuthFile, write_auth_file


@pytest.fixture
def shop(tmp_path: Path, container_env: dict[str, str]) -> Shop:
    return Shop(tmp_path / "cache")


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Further tries come at once."""
    monkeypatch.setattr(image_upload, "_PAUSES", (0.01, 0.01, 0.01))


def test_a_pushed_image_has_the_predicted_digest(shop: Shop, registry: str) -> None:
    """Nothing is compressed again, and the registry has the same digest."""
    tag = named(registry)
    assert shop.registry.digest(tag) == ""
    shop.push(tag)
    assert shop.registry.digest(tag) == shop.image.digest
    assert skopeo("inspect", "--raw", f"docker://{tag}").encode() == shop.image.manifest


@pytest.mark.usefixtures("quick_retries")
def test_a_registry_that_is_down_is_reported_after_some_tries(shop: Shop) -> None:
    """With its address; each further try is announced."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    messages: list[str] = []
    with pytest.raises(RegistryError, match=r"does not answer: .*refused \(4 tries\)") as caught:
        shop.push(parse_reference(f"{address}/a/b:1"), tell=messages.append)
    assert address in caught.value.message
    assert (len(messages), caught.value.exit_code) == (3, 63)


@pytest.mark.usefixtures("quick_retries")
def test_a_registry_that_breaks_off_is_tried_again(registry: str, tmp_path: Path) -> None:
    """Connections that end amid a layer are followed by others, and the whole image arrives."""
    shop = Shop(tmp_path / "cache", os.urandom(400_000))
    messages: list[str] = []
    with breaking(registry, breaks=3, after=60_000) as proxy:
        tag = named(proxy.address)
        shop.push(tag, tell=messages.append)
        assert proxy.connections > 3
    assert messages
    assert shop.registry.digest(structs.replace(tag, host=registry)) == shop.image.digest


@pytest.mark.usefixtures("quick_retries")
def test_an_incomplete_push_is_not_tagged(registry: str, tmp_path: Path) -> None:
    """Where every try breaks off amid a layer, the push is an error and the registry has no such tag."""
    shop = Shop(tmp_path / "cache", os.urandom(400_000))
    with breaking(registry, breaks=10_000, after=60_000) as proxy:
        tag = named(proxy.address)
        with pytest.raises(RegistryError, match=r"broke off: .* \(4 tries\)"):
            shop.push(tag)
    assert shop.registry.digest(structs.replace(tag, host=registry)) == ""


@pytest.mark.usefixtures("quick_retries")
def test_a_password_is_read_from_a_file_and_is_in_no_argv(shop: Shop, tmp_path: Path) -> None:
    """Without one the registry refuses, with a hint; with one, from either kind of file, it takes the push."""
    with with_password(tmp_path / "registry") as address:
        tag = parse_reference(f"{address}/a/b:1")
        with pytest.raises(RegistryAuthError) as caught:
            shop.push(tag)
        assert "--creds-file" in caught.value.hint
        (tmp_path / "creds").write_text(f"{USER}:{PASSWORD}\n")
        with write_auth_file("", str(tmp_path / "creds"), (address,), os.environ) as auth_file:
            path = Path(auth_file.authfile)
            assert path.stat().st_mode & 0o777 == 0o600
            assert PASSWORD in auth_file.secrets
            (tmp_path / "auth.json").write_text(path.read_text())
            shop.push(tag, credentials=auth_file)
        assert not path.exists()
        registry = replace(shop.registry, credentials=RegistryAuthFile(str(tmp_path / "auth.json")))
        assert registry.digest(tag) == shop.image.digest


def test_a_wrong_password_is_denied_and_not_tried_again(shop: Shop, tmp_path: Path) -> None:
    """It would only lock the account."""
    messages: list[str] = []
    with with_password(tmp_path / "registry") as address:
        (tmp_path / "creds").write_text(f"{USER}:wrong wrong")
        with (
            write_auth_file("", str(tmp_path / "creds"), (address,), os.environ) as auth_file,
            pytest.raises(RegistryAuthError) as caught,
        ):
            shop.push(parse_reference(f"{address}/a/b:1"), credentials=auth_file, tell=messages.append)
    assert messages == []
    assert "wrong wrong" not in str(caught.value)


def test_a_name_that_is_something_else_afterwards_is_noticed(shop: Shop, tmp_path: Path) -> None:
    """A registry that answers with another manifest than was put there."""
    with forgetful() as address:
        tag = parse_reference(f"{address}/a/b:1")
        with pytest.raises(DigestError, match="the registry has sha256:"):
            shop.push(tag)


def test_layers_of_a_base_are_mounted_from_its_repository(shop: Shop, registry: str) -> None:
    """A layer of another repository of the same registry is not uploaded."""
    first, second = named(registry), named(registry)
    shop.push(first)
    layer = json.loads(shop.image.manifest)["layers"][0]["digest"]
    shop.cache.locate_blob(layer).unlink()
    shop.push(second, mount_sources={layer: first})
    assert shop.registry.digest(second) == shop.image.digest


def test_an_index_brings_its_images(shop: Shop, registry: str) -> None:
    """Each by its digest, before the index gets its name."""
    tag = named(registry)
    manifest = make_index([shop.image])
    shop.cache.put(manifest)
    digest = "sha256:" + hashlib.sha256(manifest).hexdigest()
    push_tags(PublishRequest(manifest, digest, (tag,), index=True), shop.registry, shop.cache, lambda wait: wait())
    assert shop.registry.digest(tag) == digest
    assert skopeo("inspect", "--raw", f"docker://{tag.pin(shop.image.digest)}").encode() == shop.image.manifest


def test_no_tag_is_written_before_the_statements(shop: Shop, registry: str) -> None:
    """Where the statements cannot be attached, the push is an error and the tag does not exist."""
    tag = named(registry)

    def fail(wait: Callable[[], None]) -> None:
        raise RegistryError("no statements")

    with pytest.raises(RegistryError, match="no statements"):
        push_tags(PublishRequest(shop.image.manifest, shop.image.digest, (tag,)), shop.registry, shop.cache, fail)
    assert shop.registry.digest(tag) == ""


def test_two_names_in_one_repository_need_one_push(shop: Shop, registry: str) -> None:
    """Both stand for the image."""
    tag = named(registry)
    shop.push(tag, structs.replace(tag, tag="2"))
    assert [shop.registry.digest(reference) for reference in (tag, structs.replace(tag, tag="2"))] == [
        shop.image.digest
    ] * 2


@pytest.mark.usefixtures("quick_retries")
def test_a_damaged_blob_is_not_pushed(shop: Shop, registry: str) -> None:
    """A cached layer that does not match its digest is refused, and nothing is tagged."""
    tag = named(registry)
    row = json.loads(shop.image.manifest)["layers"][0]
    path = shop.cache.locate_blob(row["digest"])
    path.write_bytes(b"\0" * row["size"])
    with pytest.raises((DigestError, RegistryError)):
        shop.push(tag)
    assert shop.registry.digest(tag) == ""
