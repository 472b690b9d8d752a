"""The user's source as a layer below /shared, and a few files as a layer: tars that are written in milliseconds."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from ovenbird.common.hashing import hash_bytes

from ..cache.blobs import PendingBlob
from ..cache.layer import Layer, compute_key
from ..cache.layer_cache import LayerCache
from . import COMPRESSIONS, SourceTree
from .tar_writer import FileOwner, TarWriter

HOME = "/shared"
# /shared stays as the base has it, the user's to write; what the image brings into it belongs to root
# (group 0: where a platform gives each container a user of its own)
OWNERS = {"shared": FileOwner(8877, 0, 0o775)}


class FileContent(Struct, frozen=True):
    """A file to be: its bytes and whether it is executable; or, with `link`, a symbolic link; or a folder."""

    data: bytes = b""
    executable: bool = False
    link: str = ""
    folder: bool = False


def make_source_layer(tree: SourceTree, cache: LayerCache, *, into: str = HOME, compression: str = "zstd") -> Layer:
    """Return the layer of a source tree, below `into`; its key is the digest of paths, modes, links and content.

    Files belong to root and can be read by all; links are kept as they are.
    """
    media_type = COMPRESSIONS[compression][0]

    def make(draft: PendingBlob) -> str:
        tar = TarWriter(draft, compression, owners=OWNERS)
        tar.add_folder(into)
        for path in _walk(tree.path):
            _add(tar, f"{into}/{path.relative_to(tree.path).as_posix()}", path)
        return tar.close()

    return cache.make_layer(compute_source_key(tree, into=into, compression=compression), "source", media_type, make)


def compute_source_key(tree: SourceTree, *, into: str = HOME, compression: str = "zstd") -> str:
    """Return the key of `make_source_layer`."""
    return compute_key("source", tree=tree.digest, into=into, compression=COMPRESSIONS[compression][1])


def make_files_layer(
    files: Mapping[str, bytes | FileContent],
    cache: LayerCache,
    *,
    name: str = "function document",
    compression: str = "zstd",
) -> Layer:
    """Return a layer of a few files by their paths in the image."""
    media_type = COMPRESSIONS[compression][0]
    contents = _make_contents(files)

    def make(draft: PendingBlob) -> str:
        tar = TarWriter(draft, compression, owners=OWNERS)
        for path, content in contents.items():
            if content.folder:
                tar.add_folder(path)
            elif content.link:
                tar.add_link(path, content.link)
            else:
                tar.add_file(path, len(content.data), content.data, executable=content.executable)
        return tar.close()

    return cache.make_layer(compute_files_key(files, compression=compression), name, media_type, make)


def compute_files_key(files: Mapping[str, bytes | FileContent], *, compression: str = "zstd") -> str:
    """Return the key of `make_files_layer`."""
    items = _make_contents(files).items()
    rows = [[path, hash_bytes(c.data), c.executable, c.link, c.folder] for path, c in items]
    return compute_key("files", files=rows, compression=COMPRESSIONS[compression][1])


def _make_contents(files: Mapping[str, bytes | FileContent]) -> dict[str, FileContent]:
    return {path: data if isinstance(data, FileContent) else FileContent(data) for path, data in sorted(files.items())}


def _walk(folder: Path) -> Iterator[Path]:
    """Yield everything below a folder in the order of the names; links are not followed."""
    for entry in sorted(os.scandir(folder), key=lambda entry: os.fsencode(entry.name)):
        yield Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))


def _add(tar: TarWriter, target: str, path: Path) -> None:
    if path.is_symlink():
        tar.add_link(target, str(path.readlink()))
    elif path.is_dir():
        tar.add_folder(target)
    else:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            tar.add_file(target, status.st_size, file, executable=bool(status.st_mode & 0o111))
