"""Bytecode of a new base that an image's own files are not: hidden by a layer, as Python would not check it.

Wheels bring bytecode of their own for each file. What instructions have changed does not, and where the old base had
none, nothing hides that of the new one.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ..cache.layer import Layer
from ..cache.layer_cache import LayerCache
from ..image_reader import ImageReader
from ..layers.layer_tar import read_tar
from ..layers.stale_bytecode import find_shadowing
from ..layers.whiteouts import make_displaced_layer

NAME = "without the base's bytecode of changed files"


def hide_bytecode(
    below: Sequence[Mapping[str, Any]],
    above: Sequence[Mapping[str, Any]],
    origins: Mapping[str, ImageReader],
    cache: LayerCache,
) -> Layer | None:
    """Return a layer that goes between the layers of a base and those above it, or None where none is needed.

    Both are rows of a manifest; `origins` says which image has the blob of a digest. All of them are read.
    """
    layers = [Layer("", row["digest"], "", row["size"], row["mediaType"], row["digest"]) for row in (*below, *above)]

    @contextmanager
    def open_layer(layer: Layer) -> Iterator[tarfile.TarFile]:
        with (
            origins[layer.digest].open_blob(layer.digest) as stream,
            read_tar(stream, layer.media_type, layer.name) as archive,
        ):
            yield archive

    paths = find_shadowing(layers, len(below), open_layer)
    return make_displaced_layer(paths, NAME, cache) if paths else None
