"""An image whose layers lie in several places, written to a registry, the local store, or a layout."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import IO, Any

from ovenbird.common.hashing import digest_bytes
from ovenbird.common.text import show_value

from ..cache.layer_cache import LayerCache
from ..containers import engine_errors, skopeo
from ..errors import DigestError
from ..host import process
from ..image_reader import ImageReader, layout
from ..layers import image_manifest
from ..oci.media_types import MANIFEST
from ..registry.client import RepositoryClient
from ..registry.image_upload import BlobSource, upload_image

_CHUNK = 1024 * 1024


def push_image(
    repository: RepositoryClient, target: str, manifest: bytes, config: bytes, origins: Mapping[str, ImageReader]
) -> None:
    """Push an image to a tag or digest. `origins` says which image has the blob of a digest.

    What the registry has in another repository is taken over there, without moving it.
    """

    def open_blob(digest: str) -> AbstractContextManager[IO[bytes]]:
        return origins[digest].open_blob(digest) if digest in origins else nullcontext(io.BytesIO(config))

    mount_sources = {
        digest: image.repository.path
        for digest, image in origins.items()
        if image.repository and image.repository.host == repository.host
    }
    upload_image(repository, target, manifest, BlobSource(open_blob, mount_sources))


def write_image(
    destination: str,
    manifest: bytes,
    config: bytes,
    origins: Mapping[str, ImageReader],
    cache: LayerCache,
    environ: Mapping[str, str],
) -> None:
    """Write an image to `containers-storage:`, `oci:` or `oci-archive:` by way of the cache."""
    for layer in json.loads(manifest)["layers"]:
        if not _has_layer(cache, layer):
            with origins[layer["digest"]].open_blob(layer["digest"]) as stream:
                _store_blob(cache, layer["digest"], stream)
    cache.put(config)
    folder = image_manifest.write_layout(cache, f"image-{digest_bytes(manifest)[7:31]}", manifest, "image")
    argv = skopeo.copy(f"oci:{folder}:image", destination, skopeo.CopyOptions(source_blobs=str(cache.blobs)))
    _run_skopeo(argv, f"write the image to {show_value(destination)}", environ)


def with_readable_blobs(
    image: ImageReader, cache: LayerCache, environ: Mapping[str, str], *, compress: bool
) -> ImageReader:
    """Return the image with blobs that can be read: an image of the local store is packed again, unless cached.

    Packing gives layers of other digests than those that were once loaded; what is in them is the same.
    """
    if image.mount_root is None:
        return image
    name, folder = image.name.partition(":")[2], _SharedBlobLayout(cache.blobs)
    if all(_has_layer(cache, layer) for layer in image.manifest["layers"]):
        return _with_content(image, image.raw, image.raw_config, folder)
    with tempfile.TemporaryDirectory(prefix="ovenbird-") as work:
        options = skopeo.CopyOptions(
            destination_blobs=str(cache.blobs), keep_digests=False, uncompressed=not compress
        )  # fmt: skip
        argv = skopeo.copy(f"containers-storage:{name}", f"oci:{work}/image:it", options)
        _run_skopeo(argv, f"read {show_value(name)} from the local store", environ)
        entry = layout.list_descriptors(layout.DirectoryLayout(Path(work, "image")), "it")[0]
    raw = folder.read(entry["digest"])
    return _with_content(image, raw, folder.read(json.loads(raw)["config"]["digest"]), folder)


def with_cached_blobs(image: ImageReader, cache: LayerCache) -> ImageReader:
    """Return an image whose blobs are those of the cache, to be pushed with the others of `image`."""
    return ImageReader(image.name, MANIFEST, image.raw, image.raw_config, _SharedBlobLayout(cache.blobs).open)


class _SharedBlobLayout(layout.DirectoryLayout):
    """The shared blob folder, which has no `blobs/` of its own inside."""

    @contextmanager
    def open(self, digest: str) -> Iterator[Any]:
        """Yield a blob. Errors: BaseMissingError."""
        with self.open_file(digest.replace(":", "/", 1)) as stream:
            yield stream


def _with_content(image: ImageReader, raw: bytes, config: bytes, folder: layout.DirectoryLayout) -> ImageReader:
    return ImageReader(image.name, MANIFEST, raw, config, folder.open)


def _has_layer(cache: LayerCache, layer: Mapping[str, Any]) -> bool:
    """Return whether the cache has a layer; it is whole, as blobs get their name when they are."""
    path = cache.locate_blob(layer["digest"])
    return path.is_file() and bool(path.stat().st_size == layer["size"])


def _store_blob(cache: LayerCache, digest: str, stream: IO[bytes]) -> None:
    """Put a blob into the cache. Errors: DigestError when its content is not what the digest says."""
    with cache.open_draft() as draft:
        while chunk := stream.read(_CHUNK):
            draft.write(chunk)
        if draft.digest != digest:
            raise DigestError(f"the blob {digest} has the digest {draft.digest}")
        cache.keep(draft)


def _run_skopeo(argv: Sequence[str], doing: str, environ: Mapping[str, str]) -> None:
    try:
        process.run(argv, env=environ, timeout=1800)
    except process.ProcessFailedError as error:
        raise engine_errors.translate_error(error, doing) from None
