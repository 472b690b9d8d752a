"""How an image was made: an in-toto Statement v1 that carries SLSA provenance v1, unsigned.

Spec: https://slsa.dev/spec/v1.0/provenance and https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from ovenbird.common.redact import mask_parameters, redact_text, redact_values

from ..errors import ImagePolicyError
from ..host.canonical_json import encode_json
from ..host.epoch import format_epoch
from .image_packages import format_purl

MEDIA_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD = "urn:ovenbird:build:v1"  # docs/supply-chain.md says what its parameters mean
REBASE = "urn:ovenbird:rebase:v1"
BUILDER = "urn:ovenbird:builder"  # who ran the build, unless a CI names itself


class ResourceDescriptor(Struct, frozen=True):
    """Something that went into an image: `digest` by algorithm, without prefix."""

    uri: str
    digest: Mapping[str, str]
    name: str = ""

    def describe(self) -> dict[str, Any]:
        """Return it as in-toto's ResourceDescriptor."""
        descriptor: dict[str, Any] = {"uri": redact_text(self.uri), "digest": dict(self.digest)}
        return {**descriptor, "name": self.name} if self.name else descriptor


def describe_image(reference: str, digest: str) -> ResourceDescriptor:
    """Return a base image as a material."""
    return ResourceDescriptor("docker://" + reference.partition("@")[0], {"sha256": digest.removeprefix("sha256:")})


def describe_source(uri: str, revision: str, tree: str) -> ResourceDescriptor:
    """Return the source as a material: its commit where it has one, and the digest of the tree in any case."""
    digest = {"ovenbirdTree1": tree.removeprefix("sha256:")}
    if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", revision):
        digest["gitCommit"] = revision
    return ResourceDescriptor(uri, digest)


def describe_wheel(name: str, version: str, sha256: str, filename: str) -> ResourceDescriptor:
    """Return a wheel of the lock as a material."""
    return ResourceDescriptor(format_purl(name, version), {"sha256": sha256.removeprefix("sha256:")}, filename)


class BuildRecord(Struct, frozen=True, kw_only=True):
    """What is known of a build: of the image `name`, whose manifest has `digest`.

    `parameters` is what the user asked for (function document, flags), `internal` what the builder added (lock digest,
    Python), `version` that of the builder, `epoch` in seconds stands for both times, so that the same build gives the
    same statement. `builder` and `invocation` name who ran it, and which run it was.
    """

    name: str
    digest: str
    parameters: Mapping[str, Any]
    materials: Sequence[ResourceDescriptor]
    version: str
    epoch: int
    internal: Mapping[str, Any] = {}
    kind: str = BUILD
    builder: str = BUILDER
    invocation: str = ""


def build_provenance(record: BuildRecord, *, secrets: Iterable[str] = ()) -> bytes:
    """Return the statement of a build as canonical JSON.

    Credentials in URLs, and values whose names say secret, are left out.
    Errors: ImagePolicyError when the statement would show a value of `secrets`.
    """
    time = format_epoch(record.epoch)
    metadata = {"startedOn": time, "finishedOn": time}
    if record.invocation:
        metadata["invocationId"] = record.invocation
    document = {
        "_type": STATEMENT,
        "subject": [{"name": record.name, "digest": {"sha256": record.digest.removeprefix("sha256:")}}],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": record.kind,
                "externalParameters": mask_parameters(redact_values(record.parameters)),
                "internalParameters": redact_values(record.internal),
                "resolvedDependencies": [material.describe() for material in record.materials],
            },
            "runDetails": {
                "builder": {"id": record.builder, "version": {"ovenbird": record.version}},
                "metadata": metadata,
            },
        },
    }
    data = encode_json(document)
    for secret in secrets:
        if len(secret) >= 4 and encode_json(secret)[1:-1] in data:
            raise ImagePolicyError(
                "the provenance of the image would tell the value of a secret",
                hint="a flag or a field of the function document holds it: use `ovenbird build --secret NAME=VARIABLE`",
            )
    return data
