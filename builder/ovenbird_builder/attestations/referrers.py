"""Statements as OCI artifacts that refer to their image, attached beside it in the registry.

Registries with the referrers API link them by themselves; elsewhere an index at the tag `sha256-<hex>` lists them, by
the fallback of the distribution spec: what others have listed there is kept.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from ovenbird.common.hashing import digest_bytes
from ovenbird.common.text import show_value

from ..errors import BaseMissingError, RegistryError
from ..host.canonical_json import encode_json
from ..host.epoch import format_epoch
from ..oci import label_names
from ..oci.media_types import EMPTY, INDEX, MANIFEST
from ..registry.client import RepositoryClient

_EMPTY = b"{}"
_TRIES = 8


class OciArtifact(Struct, frozen=True):
    """A statement, packed: the bytes of its manifest and of its blobs, and the descriptor of the manifest."""

    manifest: bytes
    blobs: tuple[bytes, ...]
    descriptor: dict[str, Any]


def pack(data: bytes, media_type: str, subject: dict[str, Any], title: str, epoch: int) -> OciArtifact:
    """Return a statement as an artifact about `subject` (descriptor of the image: mediaType, digest, size).

    `media_type` is that of the statement and of the artifact alike; `title` is its file name; `epoch` in seconds.
    """
    annotations = {label_names.CREATED: format_epoch(epoch)}
    layer = {
        **_describe(data, media_type),
        "annotations": {"org.opencontainers.image.title": title},
    }
    manifest = encode_json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": media_type,
            "config": _describe(_EMPTY, EMPTY),
            "layers": [layer],
            "subject": {key: subject[key] for key in ("mediaType", "digest", "size")},
            "annotations": annotations,
        }
    )
    descriptor = {**_describe(manifest, MANIFEST), "artifactType": media_type, "annotations": annotations}
    return OciArtifact(manifest, (_EMPTY, data), descriptor)


class ReferrersUpdate(Struct, frozen=True):
    """Artifacts in the list of referrers at the fallback's tag; none where the registry links them by itself.

    No registry can be told to write only if nothing has changed meanwhile, so another writer may drop what we wrote.
    `written` is when that was (monotonic seconds), `seconds` how long reading and writing took; `first` says that there
    was no list before.
    """

    repository: RepositoryClient
    subject: str
    descriptors: tuple[dict[str, Any], ...] = ()
    written: float = 0.0
    seconds: float = 0.0
    first: bool = False

    def settle(self) -> None:
        """See that the list still has them, a moment later, and add what has gone. Errors: those of the registry.

        Who has read before we wrote writes within a few times what it took us; no two writers stay in step.
        """
        update = self
        for attempt in range(_TRIES):
            if not update.descriptors:
                return
            moment = (attempt + 1) * update.seconds * random.uniform(4, 8)  # noqa: S311  # not for a secret
            time.sleep(max(0.0, update.written + moment - time.monotonic()))
            update = _add_to_list(self.repository, self.subject, self.descriptors)
        raise RegistryError(
            f"the list of referrers {show_value(_tag(self.subject))} in {self.repository.host}/{self.repository.path}"
            " is being written by others",
            hint="try again",
        )


def attach(repository: RepositoryClient, subject: str, artifacts: Sequence[OciArtifact]) -> ReferrersUpdate:
    """Push artifacts beside the image with the digest `subject`; what is to be settled. Errors: the registry's."""
    for blob in dict.fromkeys(blob for artifact in artifacts for blob in artifact.blobs):
        digest = digest_bytes(blob)
        if not repository.has_blob(digest):
            repository.upload_blob(digest, blob, len(blob))
    linked = [
        repository.put_manifest(artifact.descriptor["digest"], artifact.manifest, MANIFEST) for artifact in artifacts
    ]
    if all(linked):
        return ReferrersUpdate(repository, subject)
    return _add_to_list(repository, subject, [artifact.descriptor for artifact in artifacts])


def list_referrers(repository: RepositoryClient, subject: str) -> list[dict[str, Any]]:
    """Return the descriptors of all that refers to the image with the digest `subject`, whoever has put it there."""
    descriptors = repository.fetch_referrers(subject)
    return _read_list(repository, subject) if descriptors is None else descriptors


def list_signatures(repository: RepositoryClient, subject: str) -> list[dict[str, str]]:
    """Signatures of an image that lie at a tag of their own, as cosign has them without the referrers API."""
    try:
        manifest = repository.fetch_manifest(f"{_tag(subject)}.sig")
    except BaseMissingError:
        return []
    return [{"type": "cosign", "digest": manifest.digest}]


def read_statement(repository: RepositoryClient, descriptor: dict[str, Any]) -> bytes:
    """Return the statement in an artifact. Errors: RegistryError when it is not one of a single layer."""
    layers = repository.fetch_manifest(descriptor["digest"]).json.get("layers") or []
    if len(layers) != 1:
        raise RegistryError(f"the artifact {descriptor['digest']} has {len(layers)} parts, expected 1")
    with repository.open_blob(layers[0]["digest"]) as stream:
        data = stream.read()
    if digest_bytes(data) != layers[0]["digest"]:
        raise RegistryError(f"the artifact {descriptor['digest']} does not match its digest")
    return data


def _add_to_list(repository: RepositoryClient, subject: str, descriptors: Sequence[dict[str, Any]]) -> ReferrersUpdate:
    """Add to the index of the fallback's tag what it lacks; what that was, and the time it took."""
    start = time.monotonic()
    present = _read_list(repository, subject)
    have = {row["digest"] for row in present}
    missing = tuple(row for row in descriptors if row["digest"] not in have)
    if missing:
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [*present, *missing]}
        repository.put_manifest(_tag(subject), encode_json(index), INDEX)
    written = time.monotonic()
    return ReferrersUpdate(repository, subject, missing, written, written - start, not present)


def _read_list(repository: RepositoryClient, subject: str) -> list[dict[str, Any]]:
    """Return the descriptors that the index of the fallback tag lists; none when there is no such index yet."""
    try:
        manifest = repository.fetch_manifest(_tag(subject))
    except BaseMissingError:
        return []
    document = json.loads(manifest.data)
    if manifest.media_type != INDEX and document.get("mediaType") != INDEX:
        raise RegistryError(
            f"the tag {show_value(_tag(subject))} in {repository.host}/{repository.path} is not a list of referrers"
            f" but {manifest.media_type or 'something else'}",
            hint="remove the tag; the distribution spec keeps it for this list",
        )
    return list(document.get("manifests") or [])


def _tag(digest: str) -> str:
    return digest.replace(":", "-", 1)


def _describe(data: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_bytes(data), "size": len(data)}
