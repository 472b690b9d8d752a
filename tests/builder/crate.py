"""A small image in a cache of its own, as a build leaves it before it is delivered."""

from __future__ import annotations

import os
from pathlib import Path

from ovenbird_builder.deliver import Parcel
from ovenbird_builder.layers.assemble import Changes, Image, kept, predict
from ovenbird_builder.layers.cache import Cache
from ovenbird_builder.layers.source import files_layer
from ovenbird_builder.reference import Reference
from ovenbird_builder.registry import Registry

MANIFEST = b'{"schemaVersion": 2, "layers": []}'
CONFIG = b'{"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}'


class Crate:
    """A cache with an image of one file in it, and a client for registries and stores."""

    def __init__(self, folder: Path, content: bytes = b"one") -> None:
        self.cache = Cache(folder)
        layer = files_layer({"/data": content}, self.cache)
        self.image: Image = kept(predict(MANIFEST, CONFIG, [layer], Changes(), {}, 0), self.cache)
        self.registry = Registry(self.cache.blobs, os.environ, timeout=60)

    def parcel(self, *tags: str) -> Parcel:
        """It by these tags."""
        names = tuple(Reference("localhost", "crate", tag) for tag in tags or ("1",))
        return Parcel(self.image.manifest, self.image.digest, names)
