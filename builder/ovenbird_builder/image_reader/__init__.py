"""Images as they are: manifest, config and blobs, wherever an image lies. Nothing is pulled whole, nothing started."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from ovenbird.common.hashing import digest_bytes

from ..registry.client import RepositoryClient


@dataclass(frozen=True)
class ImageReader:
    """An image of one platform: where it was found (`name` with its transport), its manifest and config as stored.

    `open_blob(digest)` opens one of its blobs. `repository` is there for an image of a registry; `mount_root()` mounts
    its files where that is easier than reading layers (the local store). `others` are descriptors that lie beside it.
    """

    name: str
    media_type: str
    raw: bytes
    raw_config: bytes
    open_blob: Callable[[str], AbstractContextManager[IO[bytes]]]
    repository: RepositoryClient | None = None
    mount_root: Callable[[], AbstractContextManager[Path]] | None = None
    others: tuple[dict[str, Any], ...] = field(default=())

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """Return the manifest."""
        document: dict[str, Any] = json.loads(self.raw)
        return document

    @cached_property
    def config(self) -> dict[str, Any]:
        """Return the config."""
        document: dict[str, Any] = json.loads(self.raw_config)
        return document

    @property
    def digest(self) -> str:
        """Return the digest of the manifest."""
        return digest_bytes(self.raw)

    @property
    def labels(self) -> dict[str, str]:
        """Return the annotations of the manifest, and over them the labels of the config."""
        inner = (self.config.get("config") or {}).get("Labels") or {}
        return {**(self.manifest.get("annotations") or {}), **inner}

    @property
    def platform(self) -> tuple[str, str, str]:
        """Return system, architecture and variant."""
        return self.config.get("os", ""), self.config.get("architecture", ""), self.config.get("variant", "")
