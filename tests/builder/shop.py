"""A cache with one small image in it, and what pushes it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ovenbird_builder.credentials import Credentials
from ovenbird_builder.deliver import Parcel, push
from ovenbird_builder.layers.assemble import Changes, Image, kept, layout, predict
from ovenbird_builder.layers.cache import Cache
from ovenbird_builder.layers.source import files_layer
from ovenbird_builder.reference import Reference, parse
from ovenbird_builder.registry import Registry

MANIFEST = b'{"schemaVersion": 2, "layers": []}'
CONFIG = b'{"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}'


class Shop:
    """The cache, its image of one layer with one file (random bytes by default), and a registry client."""

    def __init__(self, folder: Path, content: bytes | None = None) -> None:
        self.cache = Cache(folder)
        layer = files_layer({"/data": content or os.urandom(100)}, self.cache)
        self.image: Image = kept(predict(MANIFEST, CONFIG, [layer], Changes(), {}, 0), self.cache)
        self.layout = layout(self.cache, "image", self.image.manifest, "image")
        self.registry = Registry(self.cache.blobs, os.environ, timeout=60)

    def push(
        self, *tags: Reference, credentials: Credentials | None = None, tell: Callable[[str], None] = lambda _: None,
        near: dict[str, Reference] | None = None,
    ) -> None:  # fmt: skip
        """Push the image as a build does, with nothing told about it."""
        client = replace(self.registry, credentials=credentials or Credentials(), tell=tell)
        push(replace(self.parcel(), tags=tags, near=near or {}), client, self.cache, lambda _: None)

    def parcel(self, *tags: str) -> Parcel:
        """The image, by these tags of a name in the local store."""
        names = tuple(Reference("localhost", "shop", tag) for tag in tags or ("1",))
        return Parcel(self.image.manifest, self.image.digest, names)


def named(registry: str) -> Reference:
    """A name of its own in a registry."""
    return parse(f"{registry}/bake/{uuid.uuid4().hex}:1")
