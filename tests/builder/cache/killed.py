"""Use a cache as a builder does, in a process to be killed: print `ready`, work, print the digests."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

from ovenbird_builder.cache.layer import compute_key
from ovenbird_builder.cache.layer_cache import LayerCache
from ovenbird_builder.layers.image_manifest import ConfigChanges, predict_image, store_image, write_layout
from ovenbird_builder.layers.source import make_files_layer

BASE = {"schemaVersion": 2, "layers": []}
CONFIG = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}


def work(root: Path) -> list[str]:
    """Make some layers, notes, an image and a layout; all digests."""
    cache = LayerCache(root)
    source = random.Random(1)
    layers = []
    for number in range(12):
        files = {f"/shared/{number}/{n}": source.randbytes(200_000) for n in range(3)}
        layers.append(make_files_layer(files, cache, name=f"files {number}"))
        cache.note(compute_key("note", number=number), [number])
        with cache.open_workspace() as folder:
            (folder / "x").write_text("x")
    base, config = json.dumps(BASE).encode(), json.dumps(CONFIG).encode()
    image = store_image(predict_image(base, config, layers, ConfigChanges(), {}, 0), cache)
    write_layout(cache, "image", image.manifest)
    return [*(layer.digest for layer in layers), image.digest]


if __name__ == "__main__":
    print("ready", flush=True)
    print(json.dumps(work(Path(sys.argv[1]))), flush=True)
