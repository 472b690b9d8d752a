"""Making room: the longest unused goes, what an image still needs stays."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import pytest

from ovenbird_builder.cache.layer_cache import LayerCache
from ovenbird_builder.cache.prune import list_entries, measure_usage, prune_cache
from ovenbird_builder.host.file_locks import hold_lock
from ovenbird_builder.layers.image_manifest import ConfigChanges, predict_image, store_image, write_layout
from ovenbird_builder.layers.source import make_files_layer

BASE = json.dumps({"schemaVersion": 2, "layers": []}).encode()
CONFIG = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"diff_ids": []}}).encode()


def set_last_use(path: Path, days: float) -> None:
    """Say that something was last used so many days ago."""
    last_use = time.time() - days * 86400
    os.utime(path, (last_use, last_use))


def fill_with_layers(cache: LayerCache) -> tuple[str, str, str]:
    """Three layers, used 30, 20 and 10 days ago, of 10 KB each; the first is in an image whose layout was just used."""
    layers = []
    for number, days in enumerate((30, 20, 10)):
        layer = make_files_layer({f"/{number}": os.urandom(10_000)}, cache, name=f"layer {number}")
        set_last_use(cache.keys / layer.key[7:], days)
        layers.append(layer)
    image = store_image(predict_image(BASE, CONFIG, layers[:1], ConfigChanges(), {}, 0), cache)
    write_layout(cache, "image", image.manifest)
    for path in (cache.blobs / "sha256").iterdir():
        set_last_use(path, 30)
    return layers[0].digest, layers[1].digest, layers[2].digest


def test_entries_unused_for_long_are_removed(cache: LayerCache) -> None:
    """`older_than` removes keys, and blobs but for those that a layout still needs."""
    first, second, third = fill_with_layers(cache)
    result = prune_cache(cache, older_than=15 * 86400)
    assert (result.keys, result.blobs, result.layouts) == (2, 1, 0)
    assert result.freed >= 10_000
    assert cache.locate_blob(first).exists()
    assert not cache.locate_blob(second).exists()
    assert cache.locate_blob(third).exists()


def test_the_least_recently_used_are_removed_until_the_size_fits(cache: LayerCache) -> None:
    """`max_size` counts what can be reached, so a key whose blob a layout keeps frees nothing and the next goes too."""
    first, second, third = fill_with_layers(cache)
    prune_cache(cache, max_size=25_000)
    assert cache.locate_blob(first).exists()
    assert not cache.locate_blob(second).exists()
    assert cache.locate_blob(third).exists()
    prune_cache(cache, max_size=0)
    assert measure_usage(cache).blobs == measure_usage(cache).keys == measure_usage(cache).layouts == 0


def test_using_an_entry_keeps_it(cache: LayerCache) -> None:
    """A layer that was found is a used one."""
    _, second, _ = fill_with_layers(cache)
    key = next(path for path in cache.keys.iterdir() if second in path.read_text())
    assert cache.find("sha256:" + key.name)
    prune_cache(cache, older_than=15 * 86400)
    assert cache.locate_blob(second).exists()


def test_unreferenced_blobs_are_removed_after_a_while(cache: LayerCache) -> None:
    """A blob that another program has just written may be about to be named."""
    old, new = cache.put(b"old"), cache.put(b"new")
    set_last_use(cache.locate_blob(old), 1)
    assert prune_cache(cache).blobs == 1
    assert cache.locate_blob(new).exists()


@pytest.mark.slow
def test_nothing_is_pruned_during_a_build(cache: LayerCache) -> None:
    """Pruning waits until the other builder is done."""
    fill_with_layers(cache)
    other = LayerCache(cache.root)
    threading.Timer(0.5, other.close).start()
    start = time.monotonic()
    prune_cache(cache, max_size=0)
    assert time.monotonic() - start > 0.4


def test_the_rows_list_layers_and_layouts(cache: LayerCache) -> None:
    """Layers and layouts with their sizes, the last used first."""
    fill_with_layers(cache)
    rows = list_entries(cache)
    assert [row.name for row in rows] == ["image", "layer 2", "layer 1", "layer 0"]
    assert [row.kind for row in rows] == ["layout", "key", "key", "key"]
    assert all(row.size > 10_000 for row in rows)
    assert measure_usage(cache).size >= 30_000


def fill_with_other_kinds(cache: LayerCache) -> dict[str, Path]:
    """Write a file of each other kind, of 10 KB, used 60 days ago; return the paths."""
    names = {
        "wheel": f"wheels/files/{'a' * 64}/x-1-py3-none-any.whl", "note": "wheels/keys/k.json", "lock": "resolved/k",
        "answer": "pip/http-v2/a/b/abc", "body": "pip/http-v2/a/b/abc.body", "uv": "uv/simple-v16/x.rkyv",
    }  # fmt: skip
    paths = {kind: cache.root / name for kind, name in names.items()}
    for path in paths.values():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(10_000))
    for path in (*paths.values(), paths["wheel"].parent, paths["uv"].parent, cache.root / "uv"):
        set_last_use(path, 60)
    return paths


def test_the_size_counts_wheels_locks_and_the_caches_of_pip_and_uv(cache: LayerCache) -> None:
    """All of it is bounded, the longest unused first; nothing goes without a rule."""
    fill_with_layers(cache)
    others = fill_with_other_kinds(cache)
    assert (measure_usage(cache).wheels, measure_usage(cache).locks) == (1, 1)
    assert measure_usage(cache).total >= 60_000 + measure_usage(cache).size
    prune_cache(cache)
    assert all(path.exists() for path in others.values())
    set_last_use(others["wheel"].parent, 1)
    result = prune_cache(cache, max_size=45_000)
    assert (result.wheels, result.locks, result.downloads, result.keys) == (0, 1, 2, 0)
    assert [kind for kind, path in others.items() if path.exists()] == ["wheel"]
    prune_cache(cache, max_size=0)
    assert not others["wheel"].exists()
    assert measure_usage(cache).total == 0


def test_the_age_counts_for_them_too(cache: LayerCache) -> None:
    """An answer of pip goes with its body, as pip takes one without for an empty answer."""
    others = fill_with_other_kinds(cache)
    set_last_use(others["body"], 1)
    set_last_use(others["lock"], 1)
    result = prune_cache(cache, older_than=30 * 86400)
    assert (result.wheels, result.locks, result.downloads) == (1, 0, 1)
    assert [kind for kind, path in others.items() if path.exists()] == ["lock", "answer", "body"]


def test_a_dry_run_reports_the_same_and_removes_nothing(cache: LayerCache) -> None:
    """It reports what a call without `--dry-run` then removes."""
    fill_with_layers(cache)
    fill_with_other_kinds(cache)
    before = sorted(cache.root.rglob("*"))
    result = prune_cache(cache, max_size=0, dry_run=True)
    assert sorted(cache.root.rglob("*")) == before
    assert prune_cache(cache, max_size=0) == result
    assert (result.wheels, result.locks, result.downloads) == (1, 1, 2)


def test_a_held_lock_file_stays(cache: LayerCache) -> None:
    """Files in `locks/` are removed unless some program holds them."""
    locked, free = cache.root / "locks" / "held", cache.root / "locks" / "free"
    free.touch()
    with hold_lock(locked):
        prune_cache(cache, max_size=0)
        assert locked.exists()
        assert not free.exists()
    prune_cache(cache, max_size=0)
    assert [path.name for path in (cache.root / "locks").iterdir()] == ["cache"]


def test_a_waiter_for_a_removed_lock_file_opens_the_new_file(tmp_path: Path) -> None:
    """Otherwise two would hold the same lock: one by the removed file, one by the new file."""
    path, order = tmp_path / "lock", list[str]()

    def wait() -> None:
        with hold_lock(path):
            order.append("second")
            assert path.exists()

    with hold_lock(path):
        thread = threading.Thread(target=wait)
        thread.start()
        path.unlink()
        order.append("first")
    thread.join(30)
    assert order == ["first", "second"]
