"""Rebase an image for real: find both, check, swap, write what is missing, and carry the statements over."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct, field

from ovenbird.errors import OvenbirdError

from ..attestations import image_packages, provenance, referrers, sbom
from ..attestations.find_sbom import find_bill
from ..bases.function_base import describe_function_base
from ..bases.probe import TargetPython
from ..bases.python_labels import read_python_labels
from ..cache.layer import Layer
from ..cache.layer_cache import LayerCache
from ..image_reader import ImageReader
from ..image_reader.resolve import ImageAccess, resolve_image
from ..oci import label_names
from ..oci.media_types import MANIFEST
from ..oci.reference import parse_reference
from ..publish import copy
from ..registry.client import RepositoryClient
from . import plan


class RebaseResult(Struct, frozen=True):
    """A rebased image: where it was written, its digests before and after, the statements attached, warnings, seconds.

    Its fields in JSON have the names that `name` gives.
    """

    image: str
    digest: str
    former_digest: str = field(name="was")
    base: str
    base_digest: str
    former_base_digest: str = field(name="base_was")
    python: str
    layers: int
    upper_layers: int = field(name="kept")
    statements: tuple[str, ...]
    warnings: tuple[str, ...]
    seconds: float


class RebaseContext(Struct, frozen=True):
    """What a rebase works with: images are found by `reach`, `ask` probes a base without labels.

    `version` is that of the builder.
    """

    reach: ImageAccess
    cache: LayerCache
    ask: Callable[[str], TargetPython]
    version: str


class _Swap(Struct, frozen=True):
    """An image, the base that it is put onto, what that base's labels say, and the image that comes of it."""

    image: ImageReader
    base: ImageReader
    base_name: str
    base_labels: Mapping[str, str]
    rebased: plan.RebasedImage
    installed: Mapping[str, str]  # what the base brings, where its Python was asked


def rebase_image(
    name: str, base_name: str, destination: str, context: RebaseContext, *, force: bool = False
) -> RebaseResult:
    """Put the image `name` onto the base `base_name`, and write it to `destination` (with its transport).

    Errors: IncompatibleBaseError, those of finding and writing.
    """
    start = time.monotonic()
    reach, cache = context.reach, context.cache
    image, base = resolve_image(name, reach), resolve_image(base_name, reach)
    plan.count_base_layers(image)
    probed: list[TargetPython] = []

    def ask_once(image: str) -> TargetPython:
        probed.append(context.ask(image))
        return probed[-1]

    python_labels = read_python_labels(base, ask_once)
    plan.check_compatible(image, base, python_labels, force=force)
    remote = destination.startswith("docker://")
    image = copy.with_readable_blobs(image, cache, reach.environ, compress=remote)
    base = copy.with_readable_blobs(base, cache, reach.environ, compress=remote)
    plain = _name_base(base)
    origins = {layer["digest"]: reader for reader in (image, base) for layer in reader.manifest["layers"]}
    hidden = _hide_bytecode(image, base, origins, cache)
    rebased = plan.swap_base(image, base, plain, python_labels, _find_old_config(image, reach), hidden)
    if hidden:
        origins[hidden.digest] = copy.with_cached_blobs(image, cache)
    statements: tuple[str, ...] = ()
    warnings = [*rebased.warnings, *describe_function_base(plain, base.labels)]
    if remote:
        reference = parse_reference(destination.removeprefix("docker://"))
        repository = reach.open_repository(reference)
        copy.push_image(repository, reference.tag or "latest", rebased.manifest, rebased.config, origins)
        installed = probed[0].distributions if probed else {}
        swap = _Swap(image, base, plain, python_labels, rebased, installed)
        statements = _attach_statements(repository, reference.remote, swap, context.version)
        if len(statements) == 1:
            warnings.append("the image has no bill of materials attached, so none was carried over")
    else:
        copy.write_image(destination, rebased.manifest, rebased.config, origins, cache, reach.environ)
    return RebaseResult(
        image=destination, digest=rebased.digest, former_digest=image.digest, base=plain, base_digest=base.digest,
        former_base_digest=image.labels.get(label_names.BASE_DIGEST, ""), python=python_labels[label_names.PYTHON],
        layers=len(base.manifest["layers"]) + rebased.upper_layers, upper_layers=rebased.upper_layers,
        statements=statements, warnings=tuple(warnings), seconds=round(time.monotonic() - start, 3),
    )  # fmt: skip


def _name_base(base: ImageReader) -> str:
    """Return the name of a base as labels have it: as it is found again, without the digest."""
    transport, _, rest = base.name.partition(":")
    return base.name if transport in ("oci", "oci-archive") else rest.removeprefix("//").partition("@")[0]


def _hide_bytecode(
    image: ImageReader, base: ImageReader, origins: Mapping[str, ImageReader], cache: LayerCache
) -> Layer | None:
    """Return a layer that hides bytecode of the new base. Only instructions change files that bring none."""
    if image.labels.get(label_names.INSTRUCTIONS, "0") == "0":
        return None
    from .bytecode import hide_bytecode

    above = image.manifest["layers"][plan.count_base_layers(image) :]
    return hide_bytecode(base.manifest["layers"], above, origins, cache)


def _find_old_config(image: ImageReader, reach: ImageAccess) -> Mapping[str, Any] | None:
    """Return the config of the base that the image stands on; None when it is gone, or another one now."""
    name, digest = image.labels.get(label_names.BASE_NAME, ""), image.labels.get(label_names.BASE_DIGEST, "")
    if not name or not digest:
        return None
    for text in (f"{name.partition('@')[0]}@{digest}", name):
        try:
            old_base = resolve_image(text, reach)
        except OvenbirdError:
            continue
        below = old_base.config["rootfs"]["diff_ids"]  # the digest is another one where Docker's form became OCI's
        if old_base.digest == digest or image.config["rootfs"]["diff_ids"][: len(below)] == below:
            return old_base.config
    return None


def _attach_statements(repository: RepositoryClient, name: str, swap: _Swap, version: str) -> tuple[str, ...]:
    """Attach provenance of the rebase and the image's bill of materials with the new base; return their digests.

    There is no bill where none lies beside the image.
    """
    image, base, rebased = swap.image, swap.base, swap.rebased
    subject = {"mediaType": MANIFEST, "digest": rebased.digest, "size": len(rebased.manifest)}
    epoch = _parse_creation_time(image)
    record = provenance.BuildRecord(
        name=name, digest=rebased.digest, version=version, epoch=epoch, kind=provenance.REBASE,
        parameters={"image": image.name, "base": swap.base_name},
        materials=[provenance.describe_image(image.name.partition(":")[2].removeprefix("//"), image.digest),
                   provenance.describe_image(swap.base_name, base.digest)],
    )  # fmt: skip
    data = [(provenance.build_provenance(record), provenance.MEDIA_TYPE, "provenance.json")]
    if bill := find_bill(image):
        below = image_packages.BaseComponent(
            swap.base_name, base.digest, swap.base_labels[label_names.PYTHON], base.platform[1]
        )
        data.append((sbom.replace_base(bill, below, epoch, swap.installed), sbom.MEDIA_TYPE, "sbom.cdx.json"))
    artifacts = [referrers.pack(content, media_type, subject, title, epoch) for content, media_type, title in data]
    referrers.attach(repository, rebased.digest, artifacts).settle()
    return tuple(artifact.descriptor["digest"] for artifact in artifacts)


def _parse_creation_time(image: ImageReader) -> int:
    """Return when the image was made, in seconds since 1970; 0 when it does not say."""
    from datetime import datetime

    text = str(image.config.get("created") or "")
    try:
        return int(datetime.fromisoformat(text[:19] + "+00:00").timestamp())  # Python 3.10 takes no nanoseconds
    except ValueError:
        return 0
