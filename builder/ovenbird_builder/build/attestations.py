"""The statements about a build: made when an image is delivered, attached in its registry or written next to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, replace

from ovenbird import __version__
from ovenbird.common.atomic_files import write_file
from ovenbird.common.redact import redact_url

from ..attestations import image_packages, provenance, referrers, sbom
from ..cache.layer import compute_key
from ..cache.layer_cache import LayerCache
from ..host.disk import guard_output_writes
from ..image_store.skopeo_client import SkopeoClient
from ..oci.media_types import MANIFEST
from ..oci.reference import ImageReference
from ..request.build_request import BuildRequest
from ..request.run_instruction import RunInstruction
from .execute import BuiltImage
from .prepare import PlatformBuild


class BuildAttestations(Struct, frozen=True):
    """The statements about one platform's image; `subject` is the descriptor of its manifest."""

    platform: str
    subject: Mapping[str, Any]
    bill: bytes
    provenance: bytes
    epoch: int

    def pack(self) -> tuple[referrers.OciArtifact, ...]:
        """Return both statements as OCI artifacts."""
        subject = dict(self.subject)
        return (
            referrers.pack(self.bill, sbom.MEDIA_TYPE, subject, "sbom.cdx.json", self.epoch),
            referrers.pack(self.provenance, provenance.MEDIA_TYPE, subject, "provenance.json", self.epoch),
        )

    def describe(self) -> dict[str, Any]:
        """Return the row of them in the result of a build."""
        sbom_digest, provenance_digest = (artifact.descriptor["digest"] for artifact in self.pack())
        return {
            "platform": self.platform, "image": self.subject["digest"], "components": sbom.count_components(self.bill),
            "sbom": sbom_digest, "provenance": provenance_digest,
        }  # fmt: skip


def issue_attestations(
    platform_builds: Sequence[PlatformBuild], built_images: Sequence[BuiltImage], epoch: int, cache: LayerCache
) -> tuple[BuildAttestations, ...]:
    """Return the statements about each platform's image.

    Errors: HashError for a wheel without METADATA, ImagePolicyError.
    """
    return tuple(
        _make_attestations(platform_build, built_image, epoch, cache)
        for platform_build, built_image in zip(platform_builds, built_images, strict=True)
    )


def attach_attestations(
    issued: Sequence[BuildAttestations], tags: Sequence[ImageReference], registry: SkopeoClient
) -> list[referrers.ReferrersUpdate]:
    """Attach statements in the repository of each tag; what is to be settled. Errors: those of the registry."""
    repositories = [registry.open_repository(tag) for tag in {tag.repository: tag for tag in tags}.values()]
    return [
        referrers.attach(repository, attestations.subject["digest"], attestations.pack())
        for repository in repositories
        for attestations in issued
    ]


def write_attestations(issued: Sequence[BuildAttestations], output: Path) -> list[Path]:
    """Write `NAME.sbom.cdx.json` and `NAME.provenance.json` beside a file or folder NAME. Errors: DiskFullError."""
    paths = []
    for attestations in issued:
        middle = f".{attestations.platform.replace('/', '-')}" if len(issued) > 1 else ""
        for ending, data in (("sbom.cdx.json", attestations.bill), ("provenance.json", attestations.provenance)):
            path = output.absolute().with_name(f"{output.absolute().name}{middle}.{ending}")
            with guard_output_writes(path):
                write_file(path, data + b"\n")
            paths.append(path)
    return paths


def _make_attestations(
    platform_build: PlatformBuild, built_image: BuiltImage, epoch: int, cache: LayerCache
) -> BuildAttestations:
    image = built_image.image
    subject = {"mediaType": MANIFEST, "digest": image.digest, "size": len(image.manifest)}
    return BuildAttestations(
        platform_build.inputs.base.platform,
        subject,
        _make_bill(platform_build, epoch, cache),
        _make_provenance(platform_build, image.digest, epoch),
        epoch,
    )


def _make_bill(platform_build: PlatformBuild, epoch: int, cache: LayerCache) -> bytes:
    """Return the bill of materials.

    The last one with the same packages and base is taken, as making one takes a while.
    """
    inputs, name = platform_build.inputs, platform_build.inputs.request.function.name
    runtime = inputs.interpreter.runtime or __version__
    requirements = inputs.needs.requirements.list_texts()
    base = image_packages.BaseComponent(inputs.base.name, inputs.base.digest, inputs.interpreter.version,
                         inputs.base.platform.split("/")[1])  # fmt: skip
    origins = {pin.name: redact_url(pin.url) for pin in inputs.needs.lock.pins if "://" in pin.url}
    wheels = [(x.sha256, origins.get(x.name, "")) for x in (*inputs.wheels, *inputs.runtime)]
    key = compute_key("bill of materials", name=name, base=asdict(base), runtime=runtime, wanted=requirements,
                wheels=wheels, own=len(inputs.wheels), builder=__version__,
                installed=dict(inputs.interpreter.distributions))  # fmt: skip
    left_out = {row.name: (row.files, row.size) for row in platform_build.contents.left_out}
    if inputs.request.slim:
        key = compute_key("bill of materials of a slim image", of=key, left_out=left_out)
    cached_bill = cache.recall(key)
    if not isinstance(cached_bill, str):
        own, below = (
            [image_packages.read_package(x.path, sha256=x.sha256, url=origins.get(x.name, "")) for x in wheels]
            for wheels in (inputs.wheels, inputs.runtime)
        )
        own = [replace(package, left_out=left_out.get(package.name, (0, 0))) for package in own]
        image = image_packages.ImageComponents(
            name=name, version="", packages=own, runtime_packages=below, base=base, runtime=runtime,
            requirements=requirements, installed=inputs.interpreter.distributions, is_slim=inputs.request.slim,
        )  # fmt: skip
        cached_bill = sbom.build_sbom(image).decode()
        cache.note(key, cached_bill, f"bill of materials of {name}")
    return sbom.set_revision(cached_bill.encode(), inputs.tree.revision or inputs.tree.digest, epoch)


def _make_provenance(platform_build: PlatformBuild, digest: str, epoch: int) -> bytes:
    inputs, request = platform_build.inputs, platform_build.inputs.request
    name, steps = request.function.name, request.instructions
    record = provenance.BuildRecord(
        name=request.tags[0].repository,
        digest=digest,
        version=__version__,
        epoch=epoch,
        parameters={
            "function": request.function.raw or {"name": name, "handler": request.function.handler},
            "requirements": list(inputs.needs.requirements.list_texts()),
            "instructions": [_describe_instruction(step) for step in steps],
            "platform": inputs.base.platform,
            "base": request.base,
            "python": request.python,
            "compression": request.compression,
            **_list_parameters(request),
        },
        internal={"lock": inputs.needs.lock.digest, "python": inputs.interpreter.version,
                  "soabi": inputs.interpreter.soabi, "libc": inputs.interpreter.libc},
        materials=[
            provenance.describe_image(inputs.base.name, inputs.base.digest),
            provenance.describe_source(_place(inputs.tree.uri), inputs.tree.revision, inputs.tree.digest),
            *(provenance.describe_wheel(wheel.name, wheel.version, wheel.sha256, wheel.filename)
              for wheel in (*inputs.wheels, *inputs.runtime)),
        ],
    )  # fmt: skip
    return provenance.build_provenance(record, secrets=[text for secret in request.secrets for text in secret.texts])


def _list_parameters(request: BuildRequest) -> dict[str, Any]:
    """Return the parameters of flags that few builds have."""
    parameters = {
        "allow": list(request.allow),
        "labels": dict(request.labels),
        "annotations": dict(request.annotations),
        "slim": request.slim,
        "slim_keep": list(request.slim_keep),
    }
    return {name: value for name, value in parameters.items() if value}


def _describe_instruction(step: RunInstruction) -> dict[str, Any]:
    return {"run": step.run, "after": step.after, "secrets": list(step.secrets), "network": step.network}


def _place(uri: str) -> str:
    """Return the URI of the source without a local path, which would differ from machine to machine."""
    return "file:." if uri.startswith("file:") else uri if ":" in uri else f"urn:ovenbird:{uri or 'source'}"
