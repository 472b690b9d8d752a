"""The client speaks to real registries: open, with a password, with tokens."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.builder import registries
from tests.builder.registries import PASSWORD, USER

from ovenbird_builder.errors import BaseMissingError, RegistryAuthError, RegistryError
from ovenbird_builder.oci.media_types import MANIFEST
from ovenbird_builder.oci.reference import parse_reference
from ovenbird_builder.registry.client import RepositoryClient


def compute_digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def push_manifest(repository: RepositoryClient) -> bytes:
    """Return a manifest whose only blob is uploaded."""
    repository.upload_blob(compute_digest(b"{}"), b"{}", 2)
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": compute_digest(b"{}"), "size": 2}
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []}).encode()


def make_environ(folder: Path, address: str, user: str = USER, password: str = PASSWORD) -> dict[str, str]:
    """Return an environment with an auth.json for the registry."""
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    (folder / "auth.json").write_text(json.dumps({"auths": {address: {"auth": auth}}}))
    return {"REGISTRY_AUTH_FILE": str(folder / "auth.json"), "HOME": str(folder)}


@pytest.fixture
def repository(registry: str) -> RepositoryClient:
    """A repository of its own in the open registry."""
    return RepositoryClient(parse_reference(f"{registry}/client/{uuid.uuid4().hex}"), {})


def test_uploads_can_be_read_back(repository: RepositoryClient) -> None:
    """Blobs by bytes and by stream, manifests by tag and by digest."""
    assert not repository.has_blob(compute_digest(b"stream"))
    repository.upload_blob(compute_digest(b"stream"), io.BytesIO(b"stream"), 6)
    assert repository.has_blob(compute_digest(b"stream"))
    with repository.open_blob(compute_digest(b"stream")) as stream:
        assert stream.read() == b"stream"
    data = push_manifest(repository)
    assert repository.put_manifest("1", data, MANIFEST) is False  # this registry has no referrers API
    assert repository.fetch_manifest("1").digest == compute_digest(data)
    assert repository.fetch_manifest(compute_digest(data)).data == data
    assert repository.fetch_referrers(compute_digest(data)) is None


def test_a_blob_is_mounted_from_a_neighbour(registry: str, repository: RepositoryClient) -> None:
    """A blob of another repository is mounted; a missing one is not."""
    content = uuid.uuid4().hex.encode()
    repository.upload_blob(compute_digest(content), content, len(content))
    other = RepositoryClient(parse_reference(f"{registry}/client/{uuid.uuid4().hex}"), {})
    assert not other.mount_blob(compute_digest(b"nobody has this"), repository.path)
    assert other.mount_blob(compute_digest(content), repository.path)
    assert other.has_blob(compute_digest(content))


def test_a_missing_object_is_reported(repository: RepositoryClient) -> None:
    """With the requested name."""
    with pytest.raises(BaseMissingError, match=rf"{repository.host}/{repository.path}:none"):
        repository.fetch_manifest("none")
    with pytest.raises(BaseMissingError, match="sha256:0000"), repository.open_blob("sha256:" + "0" * 64):
        pass


def test_a_refused_upload_is_reported(repository: RepositoryClient) -> None:
    """Content that does not match its digest, in the registry's words."""
    with pytest.raises(RegistryError, match=r"answers 400.*DIGEST_INVALID"):
        repository.upload_blob(compute_digest(b"this"), b"that", 4)


def test_an_unreachable_registry_is_reported() -> None:
    """A registry that is down."""
    with pytest.raises(RegistryError, match=r"the registry 127\.0\.0\.1:1 does not answer: .*refused"):
        RepositoryClient(parse_reference("127.0.0.1:1/a"), {}).fetch_manifest("1")


def test_plain_http_is_not_spoken_elsewhere(registry: str, tmp_path: Path) -> None:
    """A registry without TLS that is not marked insecure is refused with a hint; marked, it is used."""
    address = registry.replace("127.0.0.1", "0.0.0.0")
    conf = tmp_path / "registries.conf"
    conf.write_text("")
    env = {"CONTAINERS_REGISTRIES_CONF": str(conf)}
    with pytest.raises(RegistryError, match=r"insecure in `registries\.conf`"):
        RepositoryClient(parse_reference(f"{address}/a"), env).fetch_manifest("1")
    conf.write_text(f'[[registry]]\nlocation = "{address}"\ninsecure = true\n')
    with pytest.raises(BaseMissingError):
        RepositoryClient(parse_reference(f"{address}/a"), env).fetch_manifest("1")


@pytest.fixture(scope="module")
def password_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry with a password."""
    with registries.with_password(tmp_path_factory.mktemp("guarded")) as address:
        yield address


def test_a_password_opens_the_door(password_registry: str, tmp_path: Path) -> None:
    """From auth.json, by basic authentication."""
    repository = RepositoryClient(
        parse_reference(f"{password_registry}/a/b"), make_environ(tmp_path, password_registry)
    )
    repository.put_manifest("1", push_manifest(repository), MANIFEST)
    assert repository.fetch_manifest("1").media_type == MANIFEST


@pytest.mark.parametrize("password", ["", "wrong secret"])
def test_a_wrong_password_does_not(password_registry: str, tmp_path: Path, password: str) -> None:
    """Neither a missing nor a wrong one; the error does not show it."""
    env = make_environ(tmp_path, password_registry, password=password) if password else {"HOME": str(tmp_path)}
    with pytest.raises(RegistryAuthError, match=r"refuses 'a/b'.*UNAUTHORIZED") as caught:
        RepositoryClient(parse_reference(f"{password_registry}/a/b"), env).fetch_manifest("1")
    assert "secret" not in str(caught.value)


@pytest.fixture(scope="module")
def token_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[str]]]:
    """A registry with a token server."""
    with registries.with_tokens(tmp_path_factory.mktemp("tokens")) as registry:
        yield registry


def test_tokens_are_fetched_for_each_scope(token_registry: tuple[str, list[str]], tmp_path: Path) -> None:
    """Reading requests a pull token, writing a push token; only the token server gets the password."""
    address, scopes = token_registry
    repository = RepositoryClient(parse_reference(f"{address}/a/b"), make_environ(tmp_path, address))
    with pytest.raises(BaseMissingError):
        repository.fetch_manifest("1")
    assert scopes == ["repository:a/b:pull"]
    repository.put_manifest("1", push_manifest(repository), MANIFEST)
    assert repository.fetch_manifest("1").media_type == MANIFEST
    assert len(scopes) == 2  # one for each kind of work, kept from then on
    assert set(scopes[1].rpartition(":")[2].split(",")) == {"pull", "push"}


def test_a_refusal_of_the_token_server_is_reported(token_registry: tuple[str, list[str]], tmp_path: Path) -> None:
    """A wrong password there."""
    with pytest.raises(RegistryAuthError, match=r"token server .* answers 401"):
        RepositoryClient(
            parse_reference(f"{token_registry[0]}/a/b"), make_environ(tmp_path, token_registry[0], password="wrong")
        ).fetch_manifest("1")
