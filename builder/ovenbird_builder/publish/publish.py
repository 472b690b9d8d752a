"""Bring a built image to where it was asked for; what is there already is left alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from ..cache.layer_cache import LayerCache
from ..errors import DigestError
from ..host.progress import Progress
from ..image_store.skopeo_client import SkopeoClient
from ..layers.image_manifest import write_layout
from ..oci.reference import ImageReference
from ..request import destination
from ..request.destination import Destination

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PublishRequest:
    """What is delivered: the manifest of an image, or of an index of several; its digest; the names it gets.

    `mount_sources` says, by digest, in which repository a layer lies that was not made here: one of the base.
    """

    manifest: bytes
    digest: str
    tags: tuple[ImageReference, ...]
    index: bool = False
    mount_sources: Mapping[str, ImageReference] = field(default_factory=dict)


def is_published(destination: Destination, parcel: PublishRequest, registry: SkopeoClient) -> bool:
    """Return whether a destination has exactly this image already, by every name. Errors: those of `engine_errors`."""
    if destination.kind == "registry":
        return all(registry.digest(tag) == parcel.digest for tag in parcel.tags)
    if destination.kind == "store":
        return all(registry.stored(tag) == parcel.digest for tag in parcel.tags)
    if destination.kind == "oci":
        return _layout_holds(Path(destination.path), parcel)
    return False


def push_tags(
    parcel: PublishRequest,
    registry: SkopeoClient,
    cache: LayerCache,
    attach: Callable[[Callable[[], None]], T],
    allow: Callable[[], None] | None = None,
) -> T:
    """Push the image while `attach()` uploads its attestations in parallel; return what `attach` returned.

    Tags are written last, so a tag never points to an incomplete image, to one without attestations, or to one that
    `allow` refuses. That is called when the blobs are there, and the argument of `attach` waits for it.
    Errors: those of the registry, DigestError when it has something else by a name; those of `attach` and `allow`.
    """
    from ..registry import image_upload  # an HTTP client: not for a build that pushes nothing

    write_layout(cache, f"image-{parcel.digest[7:31]}", parcel.manifest)  # says that its blobs are in use
    allowed = Future[None]()
    if not allow:
        allowed.set_result(None)
    with ThreadPoolExecutor(1) as pool:
        attaching = pool.submit(attach, allowed.result)
        try:
            for tag in {tag.repository: tag for tag in parcel.tags}.values():
                mount_sources = {
                    digest: name.path for digest, name in parcel.mount_sources.items() if name.host == tag.host
                }
                origin = image_upload.BlobSource(lambda digest: cache.blob(digest).open("rb"), mount_sources)
                image_upload.upload_image(
                    registry.repository(tag), parcel.digest, parcel.manifest, origin, registry.tell
                )
            if allow:
                allow()
                allowed.set_result(None)
        except BaseException:
            allowed.cancel()
            raise
        attached = attaching.result()
    for tag in parcel.tags:
        _put_tag(parcel, tag, registry)
    return attached


def _put_tag(parcel: PublishRequest, tag: ImageReference, registry: SkopeoClient) -> None:
    repository, name = registry.repository(tag), tag.tag or "latest"
    repository.put_manifest(name, parcel.manifest, json.loads(parcel.manifest)["mediaType"])
    digest = repository.manifest(name).digest
    if digest != parcel.digest:
        raise DigestError(f"pushed {tag} as {parcel.digest}, and the registry has {digest} by that name")


def write_output(
    output: Destination,
    parcel: PublishRequest,
    registry: SkopeoClient,
    cache: LayerCache,
    progress: Progress,
    allow: Callable[[], None] | None = None,
) -> None:
    """Load an image into the store, or write it to a file or folder.

    `allow` is called before the image gets a name; what takes its time comes before that where it can.
    Errors: those of `faults` and of `allow`, ImageError, SpaceError.
    """
    folder = write_layout(cache, f"image-{parcel.digest[7:31]}", parcel.manifest, "image")
    if output.kind == "store" and allow and not parcel.index:
        _load_into_store(parcel, folder, registry, progress, allow)
        return
    if allow:
        allow()
    if output.kind == "store":
        for tag in parcel.tags:
            with progress.stage(f"load {tag.local} into the local store"):
                registry.load(folder, tag.local)
    else:
        with progress.stage(f"write {output}"):
            destination.write(output, registry, folder, parcel.tags, index=parcel.index)


def _load_into_store(
    parcel: PublishRequest, folder: Path, registry: SkopeoClient, progress: Progress, allow: Callable[[], None]
) -> None:
    names = [tag.local for tag in parcel.tags]
    with progress.stage(f"load {', '.join(names)} into the local store"):
        number = registry.load_unnamed(folder, json.loads(parcel.manifest)["config"]["digest"])
    try:
        allow()
    except BaseException:
        registry.drop_unnamed(number)
        raise
    registry.name_stored(number, names)


def _layout_holds(folder: Path, parcel: PublishRequest) -> bool:
    try:
        rows = json.loads((folder / "index.json").read_bytes())["manifests"]
        names = {row["annotations"]["org.opencontainers.image.ref.name"] for row in rows}
        blob = folder / "blobs" / "sha256" / parcel.digest.partition(":")[2]
        same = {row["digest"] for row in rows} == {parcel.digest} and blob.read_bytes() == parcel.manifest
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return same and names == {tag.tag or "latest" for tag in parcel.tags}
