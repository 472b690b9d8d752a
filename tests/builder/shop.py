"""A cache with one small image in it, and what pushes it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ovenbird_builder.cache.layer_cache import LayerCache
from ovenbird_builder.image_store.skopeo_client import SkopeoClient
from ovenbird_builder.layers.image_manifest import (
    AssembledImage,
    ConfigChanges,
    predict_image,
    store_image,
    write_layout,
)
from ovenbird_builder.layers.source import make_files_layer
from ovenbird_builder.oci.reference import ImageReference, parse_reference
from ovenbird_builder.publish.publish import PublishRequest, push_tags
from ovenbird_builder.registry.auth_file import RegistryAuthFile

MANIFEST = b'{"schemaVersion": 2, "layers": []}'
CONFIG = b'{"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}'


class Shop:
    """The cache, its image of one layer with one file (random bytes by default), and a registry client."""

    def __init__(self, folder: Path, content: bytes | None = None) -> None:
        self.cache = LayerCache(folder)
        layer = make_files_layer({"/data": content or os.urandom(100)}, self.cache)
        self.image: AssembledImage = store_image(
            predict_image(MANIFEST, CONFIG, [layer], ConfigChanges(), {}, 0), self.cache
        )
        self.layout = write_layout(self.cache, "image", self.image.manifest, "image")
        self.registry = SkopeoClient(self.cache.blobs, os.environ, timeout=60)

    def push(
        self, *tags: ImageReference, credentials: RegistryAuthFile | None = None, tell: Callable[[str],
        None] = lambda _: None,
        mount_sources: dict[str, ImageReference] | None = None,
    ) -> None:  # fmt: skip
        """Push the image as a build does, without statements."""
        client = replace(self.registry, credentials=credentials or RegistryAuthFile(), tell=tell)
        push_tags(
            replace(self.publication(), tags=tags, mount_sources=mount_sources or {}),
            client,
            self.cache,
            lambda _: None,
        )

    def publication(self, *tags: str) -> PublishRequest:
        """Return the image, by these tags of a name in the local store."""
        names = tuple(ImageReference("localhost", "shop", tag) for tag in tags or ("1",))
        return PublishRequest(self.image.manifest, self.image.digest, names)


def named(registry: str) -> ImageReference:
    """Return a name of its own in a registry."""
    return parse_reference(f"{registry}/bake/{uuid.uuid4().hex}:1")
