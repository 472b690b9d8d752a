"""Rebase an image for real: find both, check, swap, write what is missing, and carry the statements over."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from ovenbird.errors import OvenbirdError

from ..attestations import image_packages, provenance, referrers, sbom
from ..attestations.find_sbom import find_bill
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
    """What came of it: where it went, its digest, which statements went with it, what to know, seconds taken."""

    image: str
    digest: str
    was: str
    base: str
    base_digest: str
    base_was: str
    python: str
    layers: int
    kept: int
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
    known: Mapping[str, str]
    done: plan.RebasedImage
    installed: Mapping[str, str]  # what the base brings, where its Python was asked


def rebase_image(
    name: str, base_name: str, destination: str, context: RebaseContext, *, force: bool = False
) -> RebaseResult:
    """Put the image `name` onto the base `base_name`, and write it to `destination` (with its transport).

    Errors: BaseUnfitError, those of finding and writing.
    """
    start = time.monotonic()
    reach, cache = context.reach, context.cache
    image, base = resolve_image(name, reach), resolve_image(base_name, reach)
    plan.count_base_layers(image)
    asked: list[TargetPython] = []

    def ask_once(image: str) -> TargetPython:
        asked.append(context.ask(image))
        return asked[-1]

    known = read_python_labels(base, ask_once)
    plan.check_compatible(image, base, known, force=force)
    remote = destination.startswith("docker://")
    image = copy.with_readable_blobs(image, cache, reach.environ, compress=remote)
    base = copy.with_readable_blobs(base, cache, reach.environ, compress=remote)
    plain = base.name.partition(":")[2].removeprefix("//").partition("@")[0]
    origins = {layer["digest"]: one for one in (image, base) for layer in one.manifest["layers"]}
    hidden = _hide_bytecode(image, base, origins, cache)
    done = plan.swap_base(image, base, plain, known, _find_old_config(image, reach), hidden)
    if hidden:
        origins[hidden.digest] = copy.with_cached_blobs(image, cache)
    statements: tuple[str, ...] = ()
    warnings = list(done.warnings)
    if remote:
        reference = parse_reference(destination.removeprefix("docker://"))
        repository = reach.repository(reference)
        copy.push_image(repository, reference.tag or "latest", done.manifest, done.config, origins)
        installed = asked[0].distributions if asked else {}
        swap = _Swap(image, base, plain, known, done, installed)
        statements = _attach_statements(repository, reference.remote, swap, context.version)
        if len(statements) == 1:
            warnings.append("the image has no bill of materials attached, so none was carried over")
    else:
        copy.write_image(destination, done.manifest, done.config, origins, cache, reach.environ)
    return RebaseResult(
        image=destination, digest=done.digest, was=image.digest, base=plain, base_digest=base.digest,
        base_was=image.labels.get(label_names.BASE_DIGEST, ""), python=known[label_names.PYTHON],
        layers=len(base.manifest["layers"]) + done.kept, kept=done.kept, statements=statements,
        warnings=tuple(warnings), seconds=round(time.monotonic() - start, 3),
    )  # fmt: skip


def _hide_bytecode(
    image: ImageReader, base: ImageReader, origins: Mapping[str, ImageReader], cache: LayerCache
) -> Layer | None:
    """A layer that hides bytecode of the new base. Only instructions change files that have none of their own."""
    if image.labels.get(label_names.INSTRUCTIONS, "0") == "0":
        return None
    from .bytecode import hide_bytecode

    above = image.manifest["layers"][plan.count_base_layers(image) :]
    return hide_bytecode(base.manifest["layers"], above, origins, cache)


def _find_old_config(image: ImageReader, reach: ImageAccess) -> Mapping[str, Any] | None:
    """The config of the base that the image stands on; None when it is gone, or not what it was."""
    name, digest = image.labels.get(label_names.BASE_NAME, ""), image.labels.get(label_names.BASE_DIGEST, "")
    if not name or not digest:
        return None
    for text in (f"{name.partition('@')[0]}@{digest}", name):
        try:
            found = resolve_image(text, reach)
        except OvenbirdError:
            continue
        below = found.config["rootfs"]["diff_ids"]  # the digest is another one where Docker's form became OCI's
        if found.digest == digest or image.config["rootfs"]["diff_ids"][: len(below)] == below:
            return found.config
    return None


def _attach_statements(repository: RepositoryClient, name: str, swap: _Swap, version: str) -> tuple[str, ...]:
    """Attach a statement of the rebase, and the bill of materials of the image, with its new base; their digests.

    There is no bill where none lies beside the image.
    """
    image, base, done = swap.image, swap.base, swap.done
    subject = {"mediaType": MANIFEST, "digest": done.digest, "size": len(done.manifest)}
    epoch = _creation_time(image)
    record = provenance.BuildRecord(
        name=name, digest=done.digest, version=version, epoch=epoch, kind=provenance.REBASE,
        parameters={"image": image.name, "base": swap.base_name},
        materials=[provenance.image(image.name.partition(":")[2].removeprefix("//"), image.digest),
                   provenance.image(swap.base_name, base.digest)],
    )  # fmt: skip
    data = [(provenance.build_provenance(record), provenance.MEDIA_TYPE, "provenance.json")]
    if bill := find_bill(image):
        below = image_packages.BaseComponent(
            swap.base_name, base.digest, swap.known[label_names.PYTHON], base.platform[1]
        )
        data.append((sbom.rebased(bill, below, epoch, swap.installed), sbom.MEDIA_TYPE, "sbom.cdx.json"))
    artifacts = [referrers.pack(content, media_type, subject, title, epoch) for content, media_type, title in data]
    referrers.attach(repository, done.digest, artifacts).settle()
    return tuple(artifact.descriptor["digest"] for artifact in artifacts)


def _creation_time(image: ImageReader) -> int:
    """When the image was made, in seconds since 1970; 0 when it does not say."""
    from datetime import datetime

    text = str(image.config.get("created") or "")
    try:
        return int(datetime.fromisoformat(text[:19] + "+00:00").timestamp())  # Python 3.10 takes no nanoseconds
    except ValueError:
        return 0
