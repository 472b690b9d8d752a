"""Where a built image goes: a registry, the local store, or a file or folder of this machine."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from ovenbird.common.atomic_files import is_replaceable, replacing
from ovenbird.common.hashing import hash_bytes
from ovenbird.common.named_paths import is_file, is_folder
from ovenbird.common.output_path import find_output_problem, make_parent_folders
from ovenbird.common.text import show_value

from ..errors import BuildRequestError, ImageError
from ..host.disk import guard_output_writes
from ..image_store.skopeo_client import SkopeoClient
from ..oci.reference import ImageReference

_FILES = ("oci", "oci-archive", "docker-archive")


class Destination(Struct, frozen=True):
    """Where an image goes.

    `kind` is store, registry, oci, oci-archive or docker-archive; `path` is that of a file or folder, else empty.
    """

    kind: str
    path: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.path}" if self.path else self.kind


def parse_destination(text: str) -> Destination:
    """Parse an output, such as `oci:DIR`. Errors: BuildRequestError."""
    kind, colon, path = text.partition(":")
    if kind in ("store", "registry") and not colon:
        return Destination(kind)
    if kind not in _FILES or not path:
        raise BuildRequestError(
            "--output: expected `store`, `registry`, `oci:DIR`, `oci-archive:FILE` or `docker-archive:FILE`,"
            f" found {show_value(text)}"
        )
    if ":" in path:
        raise BuildRequestError(
            f"--output: a path with a colon is ambiguous, as a colon begins a tag: {show_value(path)}"
        )
    return Destination(kind, path)


def check_destination(destination: Destination, inputs: Iterable[Path] = ()) -> None:
    """Refuse a file or folder that cannot be written, or must not be, before the image is made.

    Missing folders above it are made when it is written. `inputs` are never replaced. Errors: BuildRequestError.
    """
    path = Path(destination.path)
    if not destination.path:
        return
    problem = ""
    if destination.kind == "oci" and is_folder(path):
        try:
            names = [entry.name for entry in path.iterdir()]
        except OSError as error:
            raise BuildRequestError(f"--output: cannot read {show_value(str(path))}: {error.strerror}") from None
        if names and "oci-layout" not in names:
            problem = f"{show_value(str(path))} is a folder with files in it that are no OCI layout"
        path = path / "index.json"
    elif destination.kind == "oci" and is_file(path):
        problem = f"{show_value(str(path))} is a file, and an OCI layout is a folder"
    if problem := problem or find_output_problem(path, inputs):
        raise BuildRequestError(f"--output: {problem}")


def write_image(
    destination: Destination,
    registry: SkopeoClient,
    layout: Path,
    tags: tuple[ImageReference, ...],
    *,
    index: bool = False,
) -> None:
    """Write a layout's image to a file or folder: whole under its name, or not at all.

    Errors: those of `engine_errors`; ImageError when the folder is there and is not an OCI layout.
    """
    path = Path(destination.path).absolute()
    special = not is_replaceable(path) and not path.is_dir()  # a device or a pipe takes an archive in
    if destination.kind == "oci" and path.exists() and not (path / "oci-layout").is_file() and any(_list_entries(path)):
        raise ImageError(f"--output: {show_value(str(path))} exists and is not an OCI layout")
    with guard_output_writes(path.parent, "--output"):
        make_parent_folders(path)
        scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=None if special else path.parent))
    try:
        with guard_output_writes(path, "--output"):
            image = scratch / "image"
            if destination.kind == "docker-archive":
                blobs = _unpack_layers(layout, registry.blobs, scratch)
                registry.write(scratch / "layout", _format_skopeo_name(destination, image, tags), blobs=blobs)
            else:
                registry.write(layout, _format_skopeo_name(destination, image, tags), index=index)
            if destination.kind == "oci":
                _name_tags(image, tags)
                if path.exists():
                    path.rename(scratch / "old")
            if special:
                with replacing(path) as draft:
                    shutil.copyfile(image, draft)
            else:
                image.rename(path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _list_entries(path: Path) -> list[str]:
    return [entry.name for entry in path.iterdir()] if path.is_dir() else [path.name]


def _format_skopeo_name(destination: Destination, image: Path, tags: tuple[ImageReference, ...]) -> str:
    if destination.kind == "docker-archive":
        return f"docker-archive:{image}:{tags[0].local}"
    return f"{destination.kind}:{image}:{tags[0].tag or 'latest'}"


def _unpack_layers(layout: Path, blobs: Path, scratch: Path) -> Path:
    """Copy a layout with zstd layers decompressed, since Docker's format has no zstd. Return its blobs."""
    import zstandard

    blob_folder = scratch / "blobs" / "sha256"
    blob_folder.mkdir(parents=True)
    (scratch / "layout").mkdir()
    index = json.loads((layout / "index.json").read_bytes())
    manifest = json.loads(_find_blob(blobs, index["manifests"][0]["digest"]).read_bytes())
    config = _find_blob(blobs, manifest["config"]["digest"])
    shutil.copyfile(config, blob_folder / config.name)
    diff_ids = json.loads(config.read_bytes())["rootfs"]["diff_ids"]
    for row, diff_id in zip(manifest["layers"], diff_ids, strict=True):
        source = _find_blob(blobs, row["digest"])
        if not row["mediaType"].endswith("+zstd"):
            if not (blob_folder / source.name).exists():  # an image may hold the same layer twice
                (blob_folder / source.name).symlink_to(source)
            continue
        target = blob_folder / diff_id.partition(":")[2]
        with source.open("rb") as packed, target.open("wb") as plain:
            zstandard.ZstdDecompressor().copy_stream(packed, plain)
        row |= {"mediaType": row["mediaType"].removesuffix("+zstd"), "digest": diff_id, "size": target.stat().st_size}
    data = json.dumps(manifest).encode()
    digest = hash_bytes(data)
    (blob_folder / digest).write_bytes(data)
    index["manifests"][0] |= {"digest": f"sha256:{digest}", "size": len(data)}
    (scratch / "layout" / "index.json").write_text(json.dumps(index))
    shutil.copyfile(layout / "oci-layout", scratch / "layout" / "oci-layout")
    return scratch / "blobs"


def _find_blob(blobs: Path, digest: str) -> Path:
    return blobs / "sha256" / digest.partition(":")[2]


def _name_tags(layout: Path, tags: tuple[ImageReference, ...]) -> None:
    """Name each tag in the layout's index: skopeo writes one alone."""
    index = json.loads((layout / "index.json").read_bytes())
    (entry,) = index["manifests"]
    names = dict.fromkeys(tag.tag or "latest" for tag in tags)
    index["manifests"] = [entry | {"annotations": {"org.opencontainers.image.ref.name": name}} for name in names]
    (layout / "index.json").write_text(json.dumps(index, separators=(",", ":")))
