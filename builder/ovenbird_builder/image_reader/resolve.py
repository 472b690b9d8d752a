"""The name of an image, with or without a transport -> ImageReader: a registry, the local store, a layout."""

from __future__ import annotations

import json
import platform as machine
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ovenbird.common.file_kind import describe_file
from ovenbird.common.hashing import digest_bytes
from ovenbird.common.named_paths import exists, is_folder
from ovenbird.common.text import show_value

from ..errors import BaseMissingError, BuildRequestError, DigestError, ImageError, ReferenceFormatError, RegistryError
from ..host.network import NetworkSettings
from ..oci.media_types import LISTS
from ..oci.reference import ImageReference, parse_reference
from ..registry.client import RepositoryClient
from . import ImageReader, layout, local_store

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class ImageAccess:
    """How images are reached: environment, network, credentials, and the platform (`os/arch`) wanted of an index."""

    environ: Mapping[str, str]
    network: NetworkSettings = field(default_factory=NetworkSettings)
    authfile: str = ""
    tls_verify: bool = True
    platform: str = ""

    def open_repository(self, reference: ImageReference) -> RepositoryClient:
        """Return a client for the repository of a reference."""
        return RepositoryClient(
            reference, self.environ, network=self.network, authfile=self.authfile, tls_verify=self.tls_verify
        )


def resolve_image(text: str, reach: ImageAccess) -> ImageReader:
    """Return the image of `docker://REF`, `containers-storage:REF`, `oci:DIR[:TAG]` or `oci-archive:FILE[:TAG]`.

    A plain REF is one of the registry, and where that has it not, of the local store; one without a host, or at
    `localhost`, is one of the local store. Errors: BaseMissingError, RegistryError, ReferenceFormatError,
    BuildRequestError.
    """
    try:
        reader = _resolve_form(text, reach)
    except (BaseMissingError, ReferenceFormatError, RegistryError) as error:
        if not text or not (kind := describe_file(Path(text))):
            raise
        form = "oci" if is_folder(text) else "oci-archive" if kind == "a tar archive" else ""
        rest = f": {form}:{text} names the image in it" if form else ", and no image"
        hint = f"{show_value(text)} here is {kind}{rest}"
        raise type(error)(error.message, hint=hint) from None
    _check_platform(reader, reach.platform)
    return reader


def _check_platform(reader: ImageReader, wanted: str) -> None:
    """Refuse an image without an index that is for another platform than the one wanted. Errors: BaseMissingError."""
    system, architecture, _ = reader.platform
    if wanted and architecture and wanted.split("/")[:2] != [system, architecture]:
        raise BaseMissingError(f"{show_value(reader.name)} is for {system}/{architecture}, not for {wanted}")


def _resolve_form(text: str, reach: ImageAccess) -> ImageReader:
    transport, colon, rest = text.partition(":")
    if colon and transport in ("oci", "oci-archive"):
        return _resolve_layout(transport, rest, reach)
    if colon and transport == "containers-storage":
        return _resolve_stored(rest, reach)
    if colon and transport in ("docker-archive", "docker-daemon", "dir"):
        raise BuildRequestError(
            f"cannot read `{transport}:` images, found {show_value(text)}",
            hint=f"`skopeo copy {text} oci:FOLDER`, then `oci:FOLDER`",
        )
    reference = parse_reference(text.removeprefix("docker://"), "IMAGE")
    if not text.startswith("docker://") and reference.host in ("", "localhost"):
        return _resolve_stored(reference.local, reach)
    try:
        return _resolve_remote(reference, reach)
    except (BaseMissingError, RegistryError) as error:
        if text.startswith("docker://"):
            raise
        try:
            return _resolve_stored(reference.local, reach)
        except ImageError:
            raise error from None


def _resolve_remote(reference: ImageReference, reach: ImageAccess) -> ImageReader:
    repository = reach.open_repository(reference)
    document = repository.fetch_manifest(reference.digest or reference.tag or "latest")
    if document.media_type in LISTS or "manifests" in document.json:
        chosen = _choose_platform(document.json["manifests"], reach.platform, str(reference))
        document = repository.fetch_manifest(chosen["digest"])
    config = document.json.get("config") or {}
    if "digest" not in config:
        raise ImageError(f"{show_value(str(reference))} is not an image but {document.media_type or 'something else'}")
    with repository.open_blob(config["digest"]) as stream:
        raw_config = stream.read()
    _check_digest(raw_config, config["digest"], str(reference))
    name = f"docker://{reference.remote}"
    return ImageReader(name, document.media_type, document.data, raw_config, repository.open_blob, repository)


def _resolve_stored(name: str, reach: ImageAccess) -> ImageReader:
    raw = local_store.read_manifest(name, reach.environ)
    config = local_store.read_config(name, reach.environ)
    media_type = json.loads(raw).get("mediaType", "")

    return ImageReader(
        f"containers-storage:{name}", media_type, raw, config, local_store.open_no_blob,
        mount_root=lambda: local_store.mount_root(name),
    )  # fmt: skip


def _resolve_layout(transport: str, rest: str, reach: ImageAccess) -> ImageReader:
    path, _, tag = (rest, "", "") if exists(rest) else rest.partition(":")
    source = layout.DirectoryLayout(Path(path)) if transport == "oci" else layout.ArchiveLayout(Path(path))
    entries = layout.list_descriptors(source, tag)
    name = f"{transport}:{rest}"
    entry = _choose_platform(
        [descriptor for descriptor in entries if not descriptor.get("artifactType")], reach.platform, name
    )
    raw = source.read(entry["digest"])
    while "manifests" in json.loads(raw):
        entry = _choose_platform(json.loads(raw)["manifests"], reach.platform, name)
        raw = source.read(entry["digest"])
    config = source.read(json.loads(raw)["config"]["digest"])
    others = tuple(descriptor for descriptor in entries if descriptor.get("artifactType"))
    return ImageReader(name, entry.get("mediaType", ""), raw, config, source.open, others=others)


def _choose_platform(manifests: list[dict[str, Any]], platform: str, name: str) -> dict[str, Any]:
    """Return the entry of an index for the platform, or the only entry. Errors: BaseMissingError."""
    system, _, architecture = (platform or f"linux/{_MACHINES.get(machine.machine(), machine.machine())}").partition(
        "/"
    )
    with_platform = [descriptor for descriptor in manifests if descriptor.get("platform")]
    for descriptor in with_platform:
        if (descriptor["platform"].get("os"), descriptor["platform"].get("architecture")) == (
            system,
            architecture.partition("/")[0],
        ):
            return descriptor
    if len(manifests) == 1 and not with_platform:
        return manifests[0]
    have = sorted(
        {
            f"{descriptor['platform'].get('os')}/{descriptor['platform'].get('architecture')}"
            for descriptor in with_platform
        }
    )
    raise BaseMissingError(
        f"{show_value(name)} has no image for {system}/{architecture}, but"
        f" {', '.join(have) or f'{len(manifests)} images'}",
        hint="`--platform OS/ARCH`" if have else "name one by its tag",
    )


def _check_digest(data: bytes, digest: str, name: str) -> None:
    if digest_bytes(data) != digest:
        raise DigestError(f"the config of {show_value(name)} is not what its digest {digest} says")
