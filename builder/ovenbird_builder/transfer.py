"""An image whose layers lie in several places, written to a registry, the local store, or a layout."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import canonical, process, refusals, skopeo
from .distribution.client import MANIFEST, Repository
from .errors import DigestError
from .oci import Image, layout

_CHUNK = 1024 * 1024


def to_registry(
    repository: Repository, target: str, manifest: bytes, config: bytes, origins: Mapping[str, Image]
) -> None:
    """Put an image at a tag: layers first, the tag last. `origins` says which image has the blob of a digest.

    What the registry has in another repository is taken over there, without moving it.
    """
    for layer in canonical.decode(manifest)["layers"]:
        digest, size = layer["digest"], layer["size"]
        if repository.has(digest):
            continue
        origin = origins[digest]
        near = origin.repository if origin.repository and origin.repository.host == repository.host else None
        if near and repository.mount(digest, near.path):
            continue
        with origin.blob(digest) as stream:
            repository.upload(digest, stream, size)
    digest = canonical.digest(config)
    if not repository.has(digest):
        repository.upload(digest, config, len(config))
    repository.put_manifest(target, manifest, MANIFEST)


def to_place(
    destination: str,
    manifest: bytes,
    config: bytes,
    origins: Mapping[str, Image],
    blobs: Path,
    environ: Mapping[str, str],
) -> None:
    """Write an image to `containers-storage:`, `oci:` or `oci-archive:` by way of the shared blob folder `blobs`."""
    for layer in canonical.decode(manifest)["layers"]:
        if not _there(blobs, layer):
            with origins[layer["digest"]].blob(layer["digest"]) as stream:
                _keep(blobs, layer["digest"], iter(lambda s=stream: s.read(_CHUNK), b""))  # type: ignore[misc]
    for data in (config, manifest):
        _keep(blobs, canonical.digest(data), iter([data]))
    with _layout({"mediaType": MANIFEST, "digest": canonical.digest(manifest), "size": len(manifest)}) as folder:
        argv = skopeo.copy(f"oci:{folder}", destination, source_blobs=str(blobs))
        _run(argv, f"write the image to {destination!r}", environ)


def with_blobs(image: Image, blobs: Path, environ: Mapping[str, str], *, compress: bool) -> Image:
    """The image with blobs that can be read: one of the local store is packed again, unless the cache has its layers.

    Packing gives layers of other digests than those that were once loaded; what is in them is the same.
    """
    if image.root is None:
        return image
    name, folder = image.name.partition(":")[2], _Shared(blobs)
    if all(_there(blobs, layer) for layer in image.manifest["layers"]):
        return _reading(image, image.raw, image.raw_config, folder)
    with tempfile.TemporaryDirectory(prefix="ovenbird-") as work:
        argv = skopeo.copy(
            f"containers-storage:{name}", f"oci:{work}/image:it", destination_blobs=str(blobs), keep_digests=False,
            uncompressed=not compress,
        )  # fmt: skip
        _run(argv, f"read {name!r} from the local store", environ)
        entry = layout.entries(layout.Folder(Path(work, "image")), "it")[0]
    raw = folder.read(entry["digest"])
    return _reading(image, raw, folder.read(canonical.decode(raw)["config"]["digest"]), folder)


class _Shared(layout.Folder):
    """The shared blob folder, which has no `blobs/` of its own inside."""

    @contextmanager
    def open(self, digest: str) -> Iterator[Any]:
        """A blob. Errors: BaseMissingError."""
        with self.file(digest.replace(":", "/", 1)) as stream:
            yield stream


def _reading(image: Image, raw: bytes, config: bytes, folder: layout.Folder) -> Image:
    return Image(image.name, MANIFEST, raw, config, folder.open)


def _there(blobs: Path, layer: Mapping[str, Any]) -> bool:
    """Whether the folder has a layer; it is whole, as blobs are renamed into it when they are."""
    path = blobs / layer["digest"].replace(":", "/", 1)
    return bool(path.is_file() and path.stat().st_size == layer["size"])


def _keep(blobs: Path, digest: str, chunks: Iterator[bytes]) -> None:
    """Write a blob under its digest, by a temporary name. Errors: DigestError when it is something else."""
    path = blobs / digest.replace(":", "/", 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    found = hashlib.sha256()
    number, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
    try:
        with os.fdopen(number, "wb") as file:
            for chunk in chunks:
                found.update(chunk)
                file.write(chunk)
        if "sha256:" + found.hexdigest() != digest:
            raise DigestError(f"the blob {digest} came as sha256:{found.hexdigest()}")
        Path(draft).chmod(0o644)
        Path(draft).replace(path)
    finally:
        Path(draft).unlink(missing_ok=True)


@contextmanager
def _layout(descriptor: Mapping[str, Any]) -> Iterator[Path]:
    """A layout of one image, whose blobs lie elsewhere."""
    folder = Path(tempfile.mkdtemp(prefix="ovenbird-"))
    try:
        (folder / "oci-layout").write_bytes(canonical.encode({"imageLayoutVersion": "1.0.0"}))
        (folder / "index.json").write_bytes(canonical.encode({"schemaVersion": 2, "manifests": [dict(descriptor)]}))
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(argv: Sequence[str], doing: str, environ: Mapping[str, str]) -> None:
    try:
        process.run(argv, env=environ, timeout=1800)
    except process.ProcessFailed as error:
        raise refusals.refused(error, doing) from None
