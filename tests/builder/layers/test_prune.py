"""Making room: the longest unused goes, what an image still needs stays."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

from ovenbird_builder.layers.assemble import Changes, kept, layout, predict
from ovenbird_builder.layers.cache import Cache
from ovenbird_builder.layers.prune import info, prune, rows
from ovenbird_builder.layers.source import files_layer

BASE = json.dumps({"schemaVersion": 2, "layers": []}).encode()
CONFIG = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"diff_ids": []}}).encode()


def used(path: Path, days: float) -> None:
    """Say that something was last used so many days ago."""
    then = time.time() - days * 86400
    os.utime(path, (then, then))


def filled(cache: Cache) -> tuple[str, str, str]:
    """Three layers, used 30, 20 and 10 days ago, of 10 KB each; the first is in an image whose layout was just used."""
    found = []
    for number, days in enumerate((30, 20, 10)):
        layer = files_layer({f"/{number}": os.urandom(10_000)}, cache, name=f"layer {number}")
        used(cache.keys / layer.key[7:], days)
        found.append(layer)
    image = kept(predict(BASE, CONFIG, found[:1], Changes(), {}, 0), cache)
    layout(cache, "image", image.manifest)
    for path in (cache.blobs / "sha256").iterdir():
        used(path, 30)
    return found[0].digest, found[1].digest, found[2].digest


def test_what_was_not_used_for_long_goes(cache: Cache) -> None:
    """`older_than` removes keys, and blobs but for those that a layout still needs."""
    first, second, third = filled(cache)
    done = prune(cache, older_than=15 * 86400)
    assert (done.keys, done.blobs, done.layouts) == (2, 1, 0)
    assert done.freed >= 10_000
    assert cache.blob(first).exists()
    assert not cache.blob(second).exists()
    assert cache.blob(third).exists()


def test_the_longest_unused_goes_until_it_fits(cache: Cache) -> None:
    """`max_size` counts what can be reached, so a key whose blob a layout keeps frees nothing and the next goes too."""
    first, second, third = filled(cache)
    prune(cache, max_size=25_000)
    assert cache.blob(first).exists()
    assert not cache.blob(second).exists()
    assert cache.blob(third).exists()
    prune(cache, max_size=0)
    assert info(cache).blobs == info(cache).keys == info(cache).layouts == 0


def test_using_an_entry_keeps_it(cache: Cache) -> None:
    """A layer that was found is a used one."""
    _, second, _ = filled(cache)
    key = next(path for path in cache.keys.iterdir() if second in path.read_text())
    assert cache.find("sha256:" + key.name)
    prune(cache, older_than=15 * 86400)
    assert cache.blob(second).exists()


def test_what_nothing_names_goes_but_not_at_once(cache: Cache) -> None:
    """A blob that another program has just written may be about to be named."""
    old, new = cache.put(b"old"), cache.put(b"new")
    used(cache.blob(old), 1)
    assert prune(cache).blobs == 1
    assert cache.blob(new).exists()


def test_nothing_is_pruned_under_a_builder(cache: Cache) -> None:
    """Pruning waits until the other builder is done."""
    filled(cache)
    other = Cache(cache.root)
    threading.Timer(0.5, other.close).start()
    start = time.monotonic()
    prune(cache, max_size=0)
    assert time.monotonic() - start > 0.4


def test_the_rows_tell_what_there_is(cache: Cache) -> None:
    """Layers and layouts with their sizes, the last used first."""
    filled(cache)
    found = rows(cache)
    assert [row.name for row in found] == ["image", "layer 2", "layer 1", "layer 0"]
    assert [row.kind for row in found] == ["layout", "key", "key", "key"]
    assert all(row.size > 10_000 for row in found)
    assert info(cache).size >= 30_000
