"""OCI layouts: a folder, or a tar of one."""

from __future__ import annotations

import json
import re
import tarfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Any

from ovenbird.common.hashing import digest_bytes
from ovenbird.common.text import show_value

from ..errors import BaseMissingError, DigestError

_TAG = "org.opencontainers.image.ref.name"


class Layout(ABC):
    """Where the files of a layout lie."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @abstractmethod
    def open_file(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """Yield a file of the layout. Errors: BaseMissingError."""

    @contextmanager
    def open(self, digest: str) -> Iterator[IO[bytes]]:
        """Yield a blob. Errors: BaseMissingError."""
        if not re.fullmatch(r"[a-z0-9]+:[0-9a-f]{32,128}", digest):  # it becomes a path
            raise DigestError(f"{show_value(digest)} in {show_value(str(self.path))} is not a digest")
        with self.open_file(f"blobs/{digest.replace(':', '/', 1)}") as stream:
            yield stream

    def read(self, digest: str) -> bytes:
        """Return a small blob, checked. Errors: BaseMissingError, DigestError."""
        with self.open(digest) as stream:
            data = stream.read()
        if digest_bytes(data) != digest:
            raise DigestError(f"the blob {digest} in {show_value(str(self.path))} does not match its digest")
        return data


class DirectoryLayout(Layout):
    """A layout in a folder."""

    @contextmanager
    def open_file(self, name: str) -> Iterator[IO[bytes]]:
        """Yield a file of it. Errors: BaseMissingError."""
        try:
            stream = (self.path / name).open("rb")
        except (OSError, ValueError) as error:  # the second for a name with a NUL
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise BaseMissingError(
                f"cannot read {show_value(name)} in the image {show_value(str(self.path))}: {reason}"
            ) from None
        with stream:
            yield stream


class ArchiveLayout(Layout):
    """A layout in a tar."""

    @contextmanager
    def open_file(self, name: str) -> Iterator[IO[bytes]]:
        """Yield a file of it. Errors: BaseMissingError."""
        try:
            with tarfile.open(self.path) as archive:
                names = {member.name.removeprefix("./"): member for member in archive}
                stream = archive.extractfile(names[name])
                assert stream is not None
                with stream:
                    yield stream
        except (OSError, ValueError, tarfile.TarError, KeyError) as error:
            reason = error.strerror if isinstance(error, OSError) else "no such file in it, or not a tar"
            raise BaseMissingError(
                f"cannot read {show_value(name)} in the image {show_value(str(self.path))}: {reason}"
            ) from None


def list_descriptors(layout: Layout, tag: str) -> list[dict[str, Any]]:
    """Return the descriptors of the layout's index; with a tag, only those that carry it, and artifacts."""
    with layout.open_file("index.json") as stream:
        descriptors: list[dict[str, Any]] = json.loads(stream.read()).get("manifests") or []
    if not tag:
        return descriptors
    named = [descriptor for descriptor in descriptors if (descriptor.get("annotations") or {}).get(_TAG) == tag]
    if not named:
        have = sorted(name for descriptor in descriptors if (name := (descriptor.get("annotations") or {}).get(_TAG)))
        raise BaseMissingError(
            f"{show_value(str(layout.path))} has no image {show_value(tag)}, but {', '.join(have) or 'none with a tag'}"
        )
    return [*named, *(descriptor for descriptor in descriptors if descriptor.get("artifactType"))]
