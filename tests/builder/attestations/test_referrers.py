"""Statements are attached to their image in both kinds of registry; attachments of others stay."""

from __future__ import annotations

import hashlib
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.builder.registries import with_referrers
from tests.engine import skopeo

from ovenbird.common.hashing import digest_bytes
from ovenbird_builder.attestations import referrers
from ovenbird_builder.errors import RegistryError
from ovenbird_builder.host.canonical_json import encode_json
from ovenbird_builder.oci.media_types import INDEX, MANIFEST
from ovenbird_builder.oci.reference import parse_reference
from ovenbird_builder.registry.client import RepositoryClient

KIND = "application/vnd.cyclonedx+json"


@pytest.fixture
def repository(registry: str) -> RepositoryClient:
    """A repository of its own in a registry without the referrers API."""
    return RepositoryClient(parse_reference(f"{registry}/referrers/{uuid.uuid4().hex}"), {})


def push_subject(repository: RepositoryClient) -> dict[str, Any]:
    """Push an image and return its descriptor."""
    config = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'
    digest = "sha256:" + hashlib.sha256(config).hexdigest()
    repository.upload_blob(digest, config, len(config))
    data = encode_json({
        "schemaVersion": 2, "mediaType": MANIFEST, "layers": [],
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": len(config)},
    })  # fmt: skip
    repository.put_manifest("1", data, MANIFEST)
    return {"mediaType": MANIFEST, "digest": digest_bytes(data), "size": len(data)}


def test_an_artifact_follows_the_spec() -> None:
    """The empty config, the type of the artifact, the subject; the same bytes each time."""
    about = {"mediaType": MANIFEST, "digest": "sha256:" + "a" * 64, "size": 7, "annotations": {"x": "y"}}
    artifact = referrers.pack(b"{}\n", KIND, about, "sbom.json", 0)
    manifest = json.loads(artifact.manifest)
    assert manifest["artifactType"] == KIND
    assert manifest["config"] == {
        "mediaType": "application/vnd.oci.empty.v1+json", "size": 2,
        "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    }  # fmt: skip
    assert manifest["subject"] == {"mediaType": MANIFEST, "digest": "sha256:" + "a" * 64, "size": 7}
    assert artifact.descriptor["digest"] == "sha256:" + hashlib.sha256(artifact.manifest).hexdigest()
    assert artifact == referrers.pack(b"{}\n", KIND, about, "sbom.json", 0)


def test_the_fallback_tag_lists_them(repository: RepositoryClient) -> None:
    """Attached twice, listed once; skopeo finds the index at the tag of the spec."""
    about = push_subject(repository)
    both = [referrers.pack(b'{"a":1}', KIND, about, "a", 0), referrers.pack(b'{"b":1}', "x/y", about, "b", 0)]
    assert referrers.list_referrers(repository, about["digest"]) == []
    referrers.attach(repository, about["digest"], both).settle()
    referrers.attach(repository, about["digest"], both).settle()
    descriptors = referrers.list_referrers(repository, about["digest"])
    assert [descriptor["artifactType"] for descriptor in descriptors] == [KIND, "x/y"]
    assert referrers.read_statement(repository, descriptors[0]) == b'{"a":1}'
    tag = about["digest"].replace(":", "-")
    index = json.loads(skopeo("inspect", "--raw", f"docker://{repository.host}/{repository.path}:{tag}"))
    assert [row["digest"] for row in index["manifests"]] == [artifact.descriptor["digest"] for artifact in both]


def test_entries_of_others_stay_in_the_list(repository: RepositoryClient) -> None:
    """An entry with fields of its own is kept as it is, and in its place."""
    about = push_subject(repository)
    artifact = referrers.pack(b"{}\n", KIND, about, "theirs", 0)
    for blob in artifact.blobs:
        repository.upload_blob(digest_bytes(blob), blob, len(blob))
    repository.put_manifest(artifact.descriptor["digest"], artifact.manifest, MANIFEST)
    theirs = {**artifact.descriptor, "artifactType": "application/vnd.theirs", "data": "e30="}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [theirs]}
    repository.put_manifest(about["digest"].replace(":", "-"), json.dumps(index).encode(), INDEX)
    ours = referrers.pack(b'{"a":1}', KIND, about, "a", 0)
    referrers.attach(repository, about["digest"], [ours]).settle()
    assert referrers.list_referrers(repository, about["digest"]) == [theirs, ours.descriptor]


def test_a_new_list_is_distinguished_from_an_existing_list(repository: RepositoryClient) -> None:
    """A build settles only what others could have read before it wrote."""
    about = push_subject(repository)
    firsts = [
        referrers.attach(repository, about["digest"], [referrers.pack(data, KIND, about, "a", 0)]).first
        for data in (b'{"a":1}', b'{"a":2}')
    ]
    assert firsts == [True, False]


def test_writers_at_the_same_time_do_not_drop_each_other(registry: str, repository: RepositoryClient) -> None:
    """Three writers attach at once; what one has overwritten is added again by its own writer."""
    about = push_subject(repository)

    def attach(number: int) -> None:
        own = RepositoryClient(parse_reference(f"{registry}/{repository.path}"), {})
        referrers.attach(
            own, about["digest"], [referrers.pack(b'{"n":%d}' % number, KIND, about, str(number), 0)]
        ).settle()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(attach, range(3)))
    assert len(referrers.list_referrers(repository, about["digest"])) == 3


def test_a_tag_of_another_use_is_left_alone(repository: RepositoryClient) -> None:
    """An image at the fallback's tag is not overwritten."""
    about = push_subject(repository)
    image = repository.fetch_manifest("1").data
    repository.put_manifest(about["digest"].replace(":", "-"), image, MANIFEST)
    with pytest.raises(RegistryError, match="is not a list of referrers"):
        referrers.attach(repository, about["digest"], [referrers.pack(b"{}", KIND, about, "a", 0)]).settle()
    assert repository.fetch_manifest(about["digest"].replace(":", "-")).data == image


def test_the_referrers_api_is_used_where_supported() -> None:
    """No tag is written where the registry links by itself."""
    with with_referrers() as (address, written):
        repository = RepositoryClient(parse_reference(f"{address}/a/b"), {})
        about = push_subject(repository)
        artifact = referrers.pack(b'{"a":1}', KIND, about, "a", 0)
        referrers.attach(repository, about["digest"], [artifact]).settle()
        descriptors = referrers.list_referrers(repository, about["digest"])
        assert [(descriptor["digest"], descriptor["artifactType"]) for descriptor in descriptors] == [
            (artifact.descriptor["digest"], KIND)
        ]
        assert referrers.read_statement(repository, descriptors[0]) == b'{"a":1}'
        assert written == ["1", artifact.descriptor["digest"]]
