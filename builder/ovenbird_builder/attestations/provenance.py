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
from .image_packages import purl

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

    def descriptor(self) -> dict[str, Any]:
        """As in-toto's ResourceDescriptor."""
        descriptor: dict[str, Any] = {"uri": redact_text(self.uri), "digest": dict(self.digest)}
        return {**descriptor, "name": self.name} if self.name else descriptor


def image(reference: str, digest: str) -> ResourceDescriptor:
    """A base image as a material."""
    return ResourceDescriptor("docker://" + reference.partition("@")[0], {"sha256": digest.removeprefix("sha256:")})


def source(uri: str, revision: str, tree: str) -> ResourceDescriptor:
    """The source as a material: its commit where it has one, and the digest of the tree in any case."""
    digest = {"ovenbirdTree1": tree.removeprefix("sha256:")}
    if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", revision):
        digest["gitCommit"] = revision
    return ResourceDescriptor(uri, digest)


def wheel(name: str, version: str, sha256: str, filename: str) -> ResourceDescriptor:
    """A wheel of the lock as a material."""
    return ResourceDescriptor(purl(name, version), {"sha256": sha256.removeprefix("sha256:")}, filename)


def statement(
    *,
    name: str,
    digest: str,
    parameters: Mapping[str, Any],
    materials: Sequence[ResourceDescriptor],
    version: str,
    epoch: int,
    internal: Mapping[str, Any] | None = None,
    kind: str = BUILD,
    builder: str = BUILDER,
    invocation: str = "",
    secrets: Iterable[str] = (),
) -> bytes:
    """The statement about the image `name` whose manifest has `digest`, as canonical JSON.

    `parameters` is what the user asked for (function document, flags), `internal` what the builder added (lock digest,
    Python), `version` of the builder, `epoch` in seconds: both times, so that the same build gives the same statement.
    Credentials in URLs, and values whose names say secret, are left out.
    Errors: GateError when a value of `secrets` would be told.
    """
    metadata = {"startedOn": format_epoch(epoch), "finishedOn": format_epoch(epoch)}
    if invocation:
        metadata["invocationId"] = invocation
    document = {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": digest.removeprefix("sha256:")}}],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": kind,
                "externalParameters": mask_parameters(redact_values(parameters)),
                "internalParameters": redact_values(internal or {}),
                "resolvedDependencies": [material.descriptor() for material in materials],
            },
            "runDetails": {"builder": {"id": builder, "version": {"ovenbird": version}}, "metadata": metadata},
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
