"""Files out of the layers of an image, from the topmost layer down, without unpacking or starting it."""

from __future__ import annotations

import fnmatch
import os
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import zstandard

from ovenbird.common.text import show_value

from ..errors import DigestError
from . import ImageReader

_DELETED, _OPAQUE = ".wh.", ".wh..wh..opq"  # of the OCI image spec: a name that is gone, a folder that is new
_LARGEST = 16 * 1024 * 1024  # bytes of a file that is read; documents and locks are far smaller


def read_files(image: ImageReader, paths: Iterable[str], *, above: int = 0) -> dict[str, bytes]:
    """Return the content of each absolute path that the image holds, in its layers from number `above` on.

    Errors: DigestError when a layer is not the archive that its media type says; those of the image's place.
    """
    names = {path.lstrip("/"): path for path in paths}
    if image.mount_root:
        with image.mount_root() as folder:
            targets = {path: (folder / name).resolve() for name, path in names.items()}
            return {
                path: target.read_bytes()
                for path, target in targets.items()  # a link in an image must not lead to a file of this machine
                if target.is_relative_to(folder.resolve()) and target.is_file() and target.stat().st_size <= _LARGEST
            }
    contents: dict[str, bytes] = {}
    for layer in reversed(image.manifest.get("layers", [])[above:]):
        for name, data in _read_members(image, layer, set(names) - {path.lstrip("/") for path in contents}):
            contents[names[name]] = data
        if len(contents) == len(names):
            break
    return contents


def read_matching_files(image: ImageReader, pattern: str) -> dict[str, bytes]:
    """Return the content of each file whose path matches an `fnmatch` pattern, by its path without a leading slash.

    All layers are read, from the bottom; what an upper one deletes is gone. Errors: as `read_files`.
    """
    if image.mount_root:
        with image.mount_root() as folder:
            return {name: path.read_bytes() for name, path in _walk_files(folder) if fnmatch.fnmatchcase(name, pattern)}
    contents: dict[str, bytes] = {}
    for layer in image.manifest.get("layers", []):
        fresh: dict[str, bytes] = {}
        with _open_layer(image, layer) as archive:
            for member in archive:
                name = member.name.removeprefix("./").lstrip("/")
                parent, _, base = name.rpartition("/")
                if base.startswith(_DELETED):  # of the layers below
                    deleted = parent if base == _OPAQUE else f"{parent}/{base.removeprefix(_DELETED)}".lstrip("/")
                    contents = {
                        path: data for path, data in contents.items() if not f"{path}/".startswith(f"{deleted}/")
                    }
                elif fnmatch.fnmatchcase(name, pattern) and member.isfile() and member.size <= _LARGEST:
                    stream = archive.extractfile(member)
                    assert stream is not None
                    fresh[name] = stream.read()
        contents |= fresh
    return contents


def _walk_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield each file of a mounted image: its path in it, and here.

    Links are left out: they may lead to this machine.
    """
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not (Path(parent) / name).is_symlink()]
        for name in files:
            path = Path(parent, name)
            if not path.is_symlink() and path.is_file() and path.stat().st_size <= _LARGEST:
                yield path.relative_to(folder).as_posix(), path


@contextmanager
def _open_layer(image: ImageReader, layer: dict[str, str]) -> Iterator[tarfile.TarFile]:
    try:
        with (
            image.open_blob(layer["digest"]) as blob,
            _open_decompressed(blob, layer.get("mediaType", "")) as plain,
            tarfile.open(fileobj=plain, mode="r|") as archive,
        ):
            yield archive
    except (tarfile.TarError, zlib.error, zstandard.ZstdError, EOFError, OSError) as error:
        raise DigestError(f"the layer {layer['digest']} of {show_value(image.name)} cannot be read: {error}") from None


def _read_members(image: ImageReader, layer: dict[str, str], names: set[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the files of these names in a layer; stop as soon as all are read."""
    with _open_layer(image, layer) as archive:
        for member in archive:
            name = member.name.removeprefix("./").lstrip("/")
            if name in names and member.isfile() and member.size <= _LARGEST:
                stream = archive.extractfile(member)
                assert stream is not None
                yield name, stream.read()
                names.discard(name)
                if not names:
                    return


@contextmanager
def _open_decompressed(blob: IO[bytes], media_type: str) -> Iterator[Any]:
    if media_type.endswith("zstd"):
        yield zstandard.ZstdDecompressor().stream_reader(blob, read_across_frames=True)
    elif media_type.endswith("gzip"):
        import gzip

        with gzip.GzipFile(fileobj=blob) as plain:
            yield plain
    else:
        yield blob
