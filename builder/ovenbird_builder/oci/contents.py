"""Files out of the layers of an image, from the topmost layer down, without unpacking or starting it."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any

import zstandard

from ovenbird.common.text import show_value

from ..errors import DigestError
from . import Image

_LARGEST = 16 * 1024 * 1024  # bytes of a file that is read; documents and locks are far smaller


def read(image: Image, paths: Iterable[str], *, above: int = 0) -> dict[str, bytes]:
    """The content of each absolute path that the image holds, of those in its layers from number `above` on.

    Errors: DigestError when a layer is not the archive that its media type says; those of the image's place.
    """
    wanted = {path.lstrip("/"): path for path in paths}
    if image.root:
        with image.root() as folder:
            places = {path: (folder / name).resolve() for name, path in wanted.items()}
            return {
                path: place.read_bytes()
                for path, place in places.items()  # a link in an image must not lead to a file of this machine
                if place.is_relative_to(folder.resolve()) and place.is_file() and place.stat().st_size <= _LARGEST
            }
    found: dict[str, bytes] = {}
    for layer in reversed(image.manifest.get("layers", [])[above:]):
        for name, data in _members(image, layer, set(wanted) - {path.lstrip("/") for path in found}):
            found[wanted[name]] = data
        if len(found) == len(wanted):
            break
    return found


def _members(image: Image, layer: dict[str, str], names: set[str]) -> Iterator[tuple[str, bytes]]:
    """The files of these names in a layer; a layer is left as soon as all were found."""
    try:
        with (
            image.blob(layer["digest"]) as blob,
            _unpacked(blob, layer.get("mediaType", "")) as plain,
            tarfile.open(fileobj=plain, mode="r|") as archive,
        ):
            for member in archive:
                name = member.name.removeprefix("./").lstrip("/")
                if name in names and member.isfile() and member.size <= _LARGEST:
                    stream = archive.extractfile(member)
                    assert stream is not None
                    yield name, stream.read()
                    names.discard(name)
                    if not names:
                        return
    except (tarfile.TarError, zlib.error, zstandard.ZstdError, EOFError, OSError) as error:
        raise DigestError(f"the layer {layer['digest']} of {show_value(image.name)} cannot be read: {error}") from None


@contextmanager
def _unpacked(blob: IO[bytes], media_type: str) -> Iterator[Any]:
    if media_type.endswith("zstd"):
        yield zstandard.ZstdDecompressor().stream_reader(blob, read_across_frames=True)
    elif media_type.endswith("gzip"):
        import gzip

        with gzip.GzipFile(fileobj=blob) as plain:
            yield plain
    else:
        yield blob
