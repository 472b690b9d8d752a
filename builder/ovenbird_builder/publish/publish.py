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


def is_published(destination: Destination, request: PublishRequest, registry: SkopeoClient) -> bool:
    """Return whether a destination has exactly this image already, by every name. Errors: those of `engine_errors`."""
    if destination.kind == "registry":
        return all(registry.digest(tag) == request.digest for tag in request.tags)
    if destination.kind == "store":
        return all(registry.find_stored(tag) == request.digest for tag in request.tags)
    if destination.kind == "oci":
        return _is_in_layout(Path(destination.path), request)
    return False


def push_tags(
    request: PublishRequest,
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

    write_layout(cache, f"image-{request.digest[7:31]}", request.manifest)  # says that its blobs are in use
    allowed = Future[None]()
    if not allow:
        allowed.set_result(None)
    with ThreadPoolExecutor(1) as pool:
        attaching = pool.submit(attach, allowed.result)
        try:
            for tag in {tag.repository: tag for tag in request.tags}.values():
                mount_sources = {
                    digest: name.path for digest, name in request.mount_sources.items() if name.host == tag.host
                }
                origin = image_upload.BlobSource(lambda digest: cache.locate_blob(digest).open("rb"), mount_sources)
                image_upload.upload_image(
                    registry.open_repository(tag), request.digest, request.manifest, origin, registry.tell
                )
            if allow:
                allow()
                allowed.set_result(None)
        except BaseException:
            allowed.cancel()
            raise
        attached = attaching.result()
    for tag in request.tags:
        _put_tag(request, tag, registry)
    return attached


def _put_tag(request: PublishRequest, tag: ImageReference, registry: SkopeoClient) -> None:
    repository, name = registry.open_repository(tag), tag.tag or "latest"
    repository.put_manifest(name, request.manifest, json.loads(request.manifest)["mediaType"])
    digest = repository.fetch_manifest(name).digest
    if digest != request.digest:
        raise DigestError(f"pushed {tag} as {request.digest}, and the registry has {digest} by that name")


def write_output(
    output: Destination,
    request: PublishRequest,
    registry: SkopeoClient,
    cache: LayerCache,
    progress: Progress,
    allow: Callable[[], None] | None = None,
) -> None:
    """Load an image into the store, or write it to a file or folder.

    `allow` is called before the image gets a name; what takes its time comes before that where it can.
    Errors: those of `engine_errors` and of `allow`, ImageError, DiskFullError.
    """
    folder = write_layout(cache, f"image-{request.digest[7:31]}", request.manifest, "image")
    if output.kind == "store" and allow and not request.index:
        _load_into_store(request, folder, registry, progress, allow)
        return
    if allow:
        allow()
    if output.kind == "store":
        for tag in request.tags:
            with progress.stage(f"load {tag.local} into the local store"):
                registry.load(folder, tag.local)
    else:
        with progress.stage(f"write {output}"):
            destination.write_image(output, registry, folder, request.tags, index=request.index)


def _load_into_store(
    request: PublishRequest, folder: Path, registry: SkopeoClient, progress: Progress, allow: Callable[[], None]
) -> None:
    names = [tag.local for tag in request.tags]
    with progress.stage(f"load {', '.join(names)} into the local store"):
        number = registry.load_unnamed(folder, json.loads(request.manifest)["config"]["digest"])
    try:
        allow()
    except BaseException:
        registry.drop_unnamed(number)
        raise
    registry.name_stored(number, names)


def _is_in_layout(folder: Path, request: PublishRequest) -> bool:
    try:
        rows = json.loads((folder / "index.json").read_bytes())["manifests"]
        names = {row["annotations"]["org.opencontainers.image.ref.name"] for row in rows}
        blob = folder / "blobs" / "sha256" / request.digest.partition(":")[2]
        same = {row["digest"] for row in rows} == {request.digest} and blob.read_bytes() == request.manifest
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return same and names == {tag.tag or "latest" for tag in request.tags}
