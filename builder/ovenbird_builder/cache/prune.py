"""What lies in a cache, and making room in it: the longest unused entries go, then what nothing names."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from ..host.file_locks import remove_free_locks
from .layer_cache import CacheEntry, LayerCache
from .other_files import OtherFile, list_other_files

_FRESH = 3600  # seconds: what other programs (skopeo) write into the blobs is not named by anything yet


class CacheListing(Struct, frozen=True):
    """An entry as `ls` shows it: `kind` is key or layout, sizes in bytes, `used` in seconds since the epoch."""

    kind: str
    name: str
    size: int
    used: float
    digest: str
    path: Path


class Usage(Struct, frozen=True):
    """What `measure_usage` tells; sizes in bytes."""

    root: str
    size: int
    free: int
    blobs: int
    keys: int
    layouts: int
    wheels: int
    locks: int
    total: int  # of all that is kept, the caches of pip and uv included


class Pruned(Struct, frozen=True):
    """What was removed; `freed` in bytes. `downloads` are answers that pip and uv had kept."""

    freed: int
    blobs: int
    keys: int
    layouts: int
    wheels: int
    locks: int
    downloads: int


def list_entries(cache: LayerCache) -> tuple[CacheListing, ...]:
    """Return all keys that gave a blob, and all layouts, the last used first."""
    listings = [*_list_keys(cache), *_list_layouts(cache)]
    return tuple(sorted((row for row in listings if row.digest), key=lambda row: (-row.used, row.name)))


def measure_usage(cache: LayerCache) -> Usage:
    """Return how much lies in the cache."""
    blobs, others = _list_blobs(cache), list(list_other_files(cache.root))
    kinds, size = Counter(other.kind for other in others), sum(blobs.values())
    return Usage(
        str(cache.root), size, shutil.disk_usage(cache.root).free, len(blobs), len(list(_list_keys(cache))),
        len(list(_list_layouts(cache))), kinds["wheel"], kinds["lock"], size + sum(other.size for other in others),
    )  # fmt: skip


def prune_cache(
    cache: LayerCache, *, older_than: float | None = None, max_size: int | None = None, dry_run: bool = False
) -> Pruned:
    """Remove what was not used for `older_than` seconds, then the longest unused until `max_size` bytes are left.

    That holds for layers, layouts, wheels, resolved locks and the caches of pip and uv alike. Without either, only
    blobs that nothing names go. The blobs of the layouts that stay are kept. Waits until no builder uses the cache.
    With `dry_run` nothing is removed. Errors: DiskFullError when waiting takes too long.
    """
    with cache.lock_cache():
        before, now = _list_blobs(cache), time.time()
        removals, others, keep = _choose(cache, older_than, max_size, before, now)
        named = _collect_named(cache, keep)
        blobs = [
            digest
            for digest in before
            if digest not in named and _is_old(cache.locate_blob(digest), removals, digest, now)
        ]
        if not dry_run:
            _remove(cache, removals, others, blobs)
    kinds = Counter([*(row.kind for row in removals), *(other.kind for other in others)])
    freed = sum(before[digest] for digest in blobs) + sum(other.size for other in others)
    return Pruned(
        freed, len(blobs), kinds["key"], kinds["layout"], kinds["wheel"], kinds["lock"], kinds["pip"] + kinds["uv"]
    )


def _choose(
    cache: LayerCache, older_than: float | None, max_size: int | None, blobs: dict[str, int], now: float
) -> tuple[list[CacheListing], list[OtherFile], list[CacheListing]]:
    """Return the entries that go, the other files that go, and the entries that stay."""
    queue: list[CacheListing | OtherFile] = [*_list_keys(cache), *_list_layouts(cache), *list_other_files(cache.root)]
    queue.sort(key=lambda item: -item.used)  # the longest unused at the end
    rest = sum(item.size for item in queue if isinstance(item, OtherFile))
    removals: list[CacheListing | OtherFile] = []
    while queue:
        too_old = older_than is not None and now - queue[-1].used > older_than
        rows = (
            [item for item in queue if isinstance(item, CacheListing)] if not too_old and max_size is not None else []
        )
        if not too_old and (max_size is None or rest + _sum_sizes(cache, rows, blobs) <= max_size):
            break
        item = queue.pop()
        removals.append(item)
        rest -= item.size if isinstance(item, OtherFile) else 0
        while max_size is not None and queue and isinstance(queue[-1], OtherFile) and rest > max_size:
            rest -= queue[-1].size  # what is too much without any blob goes without counting blobs again
            removals.append(queue.pop())
    return (
        [item for item in removals if isinstance(item, CacheListing)],
        [item for item in removals if isinstance(item, OtherFile)],
        [item for item in queue if isinstance(item, CacheListing)],
    )


def _remove(cache: LayerCache, rows: list[CacheListing], others: list[OtherFile], blobs: list[str]) -> None:
    for row in rows:
        shutil.rmtree(row.path, ignore_errors=True) if row.kind == "layout" else row.path.unlink(missing_ok=True)
    for other in others:
        other.remove()
    for digest in blobs:
        cache.locate_blob(digest).unlink(missing_ok=True)
    remove_free_locks(cache.root / "locks", "cache")


def _is_old(path: Path, removals: list[CacheListing], digest: str, now: float) -> bool:
    """Return whether a blob that nothing names may go: its key has just gone, or nobody can be about to name it."""
    return any(row.digest == digest for row in removals) or now - path.stat().st_mtime > _FRESH


def _sum_sizes(cache: LayerCache, keep: list[CacheListing], sizes: dict[str, int]) -> int:
    return sum(sizes.get(digest, 0) for digest in _collect_named(cache, keep))


def _collect_named(cache: LayerCache, keep: list[CacheListing]) -> set[str]:
    """Return every blob that some entry needs, through manifests and indexes."""
    names: set[str] = set()
    for row in keep:
        if row.kind == "key":
            names.add(row.digest)
        else:
            names |= _collect_closure(cache, row.path / "index.json")
    return names


def _collect_closure(cache: LayerCache, path: Path) -> set[str]:
    digests: set[str] = set()
    with contextlib.suppress(OSError, ValueError, AttributeError, KeyError, TypeError, AssertionError):
        value = json.loads(path.read_bytes())
        digests |= {row["digest"] for row in (*value.get("layers", ()), *value.get("manifests", ()))}
        digests |= {value["config"]["digest"]} if "config" in value else set()
        for row in value.get("manifests", ()):
            digests |= _collect_closure(cache, cache.locate_blob(row["digest"]))
    return digests


def _list_keys(cache: LayerCache) -> Iterator[CacheListing]:
    for path in cache.keys.iterdir():
        with contextlib.suppress(OSError, ValueError, TypeError):
            entry = CacheEntry(**json.loads(path.read_bytes()))
            yield CacheListing("key", entry.name, entry.size, path.stat().st_mtime, entry.digest, path)


def _list_layouts(cache: LayerCache) -> Iterator[CacheListing]:
    sizes = _list_blobs(cache)
    for path in cache.layouts.iterdir():
        with contextlib.suppress(OSError, ValueError, LookupError):
            digest = json.loads((path / "index.json").read_bytes())["manifests"][0]["digest"]
            size = sum(sizes.get(digest, 0) for digest in _collect_closure(cache, path / "index.json"))
            yield CacheListing("layout", path.name, size, (path / "index.json").stat().st_mtime, digest, path)


def _list_blobs(cache: LayerCache) -> dict[str, int]:
    return {f"sha256:{path.name}": path.stat().st_size for path in (cache.blobs / "sha256").iterdir()}
