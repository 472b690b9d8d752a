"""Read the tar of a layer from its compressed bytes, front to back."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import zstandard

from ..errors import ImagePolicyError


@contextmanager
def read_tar(file: IO[bytes], media_type: str, name: str) -> Iterator[tarfile.TarFile]:
    """Open a layer's tar, to be read once; `name` is what errors call it.

    Errors: ImagePolicyError where it is damaged.
    """
    with _open_decompressed(file, media_type) as stream:
        try:
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                yield archive
        except (tarfile.TarError, zstandard.ZstdError, OSError, EOFError) as error:
            raise ImagePolicyError(f"{name}: the layer cannot be read: {error}") from error


def _open_decompressed(file: IO[bytes], media_type: str) -> Any:
    if media_type.endswith("zstd"):
        return zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
    return gzip.GzipFile(fileobj=file) if media_type.endswith("gzip") else file
