"""What lies in a cache, and making room in it: the longest unused entries go, then what nothing names."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from .cache import Cache, Entry

_FRESH = 3600  # seconds: what other programs (skopeo) write into the blobs is not named by anything yet


class Row(Struct, frozen=True):
    """An entry as `ls` shows it: `kind` is key or layout, sizes in bytes, `used` in seconds since the epoch."""

    kind: str
    name: str
    size: int
    used: float
    digest: str
    path: Path


class Usage(Struct, frozen=True):
    """What `info` tells; sizes in bytes."""

    root: str
    size: int
    free: int
    blobs: int
    keys: int
    layouts: int


class Pruned(Struct, frozen=True):
    """What was removed; `freed` in bytes."""

    freed: int
    blobs: int
    keys: int
    layouts: int


def rows(cache: Cache) -> tuple[Row, ...]:
    """All keys that gave a blob, and all layouts, the last used first."""
    found = [*_keys(cache), *_layouts(cache)]
    return tuple(sorted((row for row in found if row.digest), key=lambda row: (-row.used, row.name)))


def info(cache: Cache) -> Usage:
    """How much lies in the cache."""
    blobs = _blobs(cache)
    return Usage(
        str(cache.root), sum(blobs.values()), shutil.disk_usage(cache.root).free, len(blobs), len(list(_keys(cache))),
        len(list(_layouts(cache))),
    )  # fmt: skip


def prune(cache: Cache, *, older_than: float | None = None, max_size: int | None = None) -> Pruned:
    """Remove what was not used for `older_than` seconds, then the longest unused until `max_size` bytes are left.

    Without either, only blobs that nothing names go. The blobs of the layouts that stay are kept. Waits until no
    builder uses the cache. Errors: SpaceError when that takes too long.
    """
    with cache.only_one():
        before, now = _blobs(cache), time.time()
        keep = sorted([*_keys(cache), *_layouts(cache)], key=lambda row: row.used)
        gone: list[Row] = []
        while keep and older_than is not None and now - keep[0].used > older_than:
            gone.append(keep.pop(0))
        while keep and max_size is not None and _reach(cache, keep, before) > max_size:
            gone.append(keep.pop(0))
        for row in gone:
            shutil.rmtree(row.path, ignore_errors=True) if row.kind == "layout" else row.path.unlink(missing_ok=True)
        named = _named(cache, keep)
        blobs = [digest for digest in before if digest not in named and _old(cache.blob(digest), gone, digest, now)]
        for digest in blobs:
            cache.blob(digest).unlink(missing_ok=True)
        for path in (cache.root / "locks").iterdir():
            if path.name != "cache":
                path.unlink(missing_ok=True)
    kinds = [row.kind for row in gone]
    freed = sum(before[digest] for digest in blobs)
    return Pruned(freed, len(blobs), kinds.count("key"), kinds.count("layout"))


def _old(path: Path, gone: list[Row], digest: str, now: float) -> bool:
    """Whether a blob that nothing names may go: its key has just gone, or nobody can be about to name it."""
    return any(row.digest == digest for row in gone) or now - path.stat().st_mtime > _FRESH


def _reach(cache: Cache, keep: list[Row], sizes: dict[str, int]) -> int:
    return sum(sizes.get(digest, 0) for digest in _named(cache, keep))


def _named(cache: Cache, keep: list[Row]) -> set[str]:
    """Every blob that some entry needs, through manifests and indexes."""
    found: set[str] = set()
    for row in keep:
        if row.kind == "key":
            found.add(row.digest)
        else:
            found |= _closure(cache, row.path / "index.json")
    return found


def _closure(cache: Cache, path: Path) -> set[str]:
    found: set[str] = set()
    with contextlib.suppress(OSError, ValueError, AttributeError, KeyError, TypeError, AssertionError):
        value = json.loads(path.read_bytes())
        found |= {row["digest"] for row in (*value.get("layers", ()), *value.get("manifests", ()))}
        found |= {value["config"]["digest"]} if "config" in value else set()
        for row in value.get("manifests", ()):
            found |= _closure(cache, cache.blob(row["digest"]))
    return found


def _keys(cache: Cache) -> Iterator[Row]:
    for path in cache.keys.iterdir():
        with contextlib.suppress(OSError, ValueError, TypeError):
            entry = Entry(**json.loads(path.read_bytes()))
            yield Row("key", entry.name, entry.size, path.stat().st_mtime, entry.digest, path)


def _layouts(cache: Cache) -> Iterator[Row]:
    sizes = _blobs(cache)
    for path in cache.layouts.iterdir():
        with contextlib.suppress(OSError, ValueError, LookupError):
            digest = json.loads((path / "index.json").read_bytes())["manifests"][0]["digest"]
            size = sum(sizes.get(found, 0) for found in _closure(cache, path / "index.json"))
            yield Row("layout", path.name, size, (path / "index.json").stat().st_mtime, digest, path)


def _blobs(cache: Cache) -> dict[str, int]:
    return {f"sha256:{path.name}": path.stat().st_size for path in (cache.blobs / "sha256").iterdir()}
