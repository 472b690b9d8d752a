"""The cache: partial, damaged or missing entries are made again; kills and full disks do no harm."""

from __future__ import annotations

import datetime
import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.disks import disk
from tests.toml_mutations import VALUES

from ovenbird_builder.cache.blobs import PendingBlob
from ovenbird_builder.cache.layer import Layer, compute_key
from ovenbird_builder.cache.layer_cache import LayerCache
from ovenbird_builder.errors import DiskFullError
from ovenbird_builder.layers.source import make_files_layer

ROOT = Path(__file__).parent.parent.parent.parent
KEY = compute_key("test", n=1)


def make_layer(cache: LayerCache, data: bytes = b"layer", calls: list[int] | None = None) -> Layer:
    """Return a layer of these bytes; `calls` grows if it was made."""

    def write(draft: PendingBlob) -> str:
        if calls is not None:
            calls.append(1)
        draft.write(data)
        return "sha256:" + "0" * 64

    return cache.make_layer(KEY, "test", "application/x", write)


def check_cache(cache: LayerCache) -> None:
    """Every blob has its digest, every key its blob, and no draft is left."""
    for path in (cache.blobs / "sha256").iterdir():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
    for path in cache.keys.iterdir():
        entry = json.loads(path.read_bytes())
        assert not entry["digest"] or cache.locate_blob(entry["digest"]).stat().st_size == entry["size"]


def test_a_layer_is_made_once(cache: LayerCache) -> None:
    """The second time it is found, also by another process."""
    calls: list[int] = []
    first, second = make_layer(cache, calls=calls), make_layer(cache, calls=calls)
    again = make_layer(LayerCache(cache.root), calls=calls)
    assert (len(calls), first.cached, second.cached, again.cached) == (1, False, True, True)
    assert first == second == again
    check_cache(cache)


def list_damages() -> Iterator[tuple[str, object]]:
    yield "gone", lambda blob, entry: blob.unlink()
    yield "cut", lambda blob, entry: blob.write_bytes(b"lay")
    yield "changed", lambda blob, entry: blob.write_bytes(b"LAYER")
    yield "empty key", lambda blob, entry: entry.write_bytes(b"")
    yield "half a key", lambda blob, entry: entry.write_bytes(entry.read_bytes()[:40])
    yield "a foreign key", lambda blob, entry: entry.write_bytes(entry.read_bytes().replace(b"sha256:", b"sha256:../"))
    yield (
        "another's key",
        lambda blob, entry: entry.write_bytes(entry.read_bytes().replace(KEY[-9:].encode(), b"0" * 9)),
    )
    yield "a list", lambda blob, entry: entry.write_bytes(b"[]")


@pytest.mark.parametrize("damage", [pytest.param(damage, id=name) for name, damage in list_damages()])
def test_a_damaged_entry_is_made_again(cache: LayerCache, damage: object, caplog: pytest.LogCaptureFixture) -> None:
    """It is dropped with a warning and never used."""
    layer = make_layer(cache)
    damage(cache.locate_blob(layer.digest), cache.keys / KEY[7:])
    calls: list[int] = []
    with caplog.at_level(logging.WARNING):
        again = make_layer(LayerCache(cache.root), calls=calls)
    assert calls
    assert again == layer
    assert "made again" in caplog.text
    assert cache.locate_blob(layer.digest).read_bytes() == b"layer"


def test_a_cache_that_was_copied_is_checked_and_used(cache: LayerCache, caplog: pytest.LogCaptureFixture) -> None:
    """Another time on a blob (a cache restored by a CI) means that it is read once, not that it is thrown away."""
    layer = make_layer(cache)
    os.utime(cache.locate_blob(layer.digest), (1, 1))
    calls: list[int] = []
    assert make_layer(LayerCache(cache.root), calls=calls) == layer
    assert json.loads((cache.keys / KEY[7:]).read_bytes())["stamp"] == 1_000_000_000
    assert not calls
    assert not caplog.records


def test_a_maker_that_fails_leaves_nothing(cache: LayerCache) -> None:
    """An error while a layer is made leaves neither blob nor key nor draft."""

    def write(draft: PendingBlob) -> str:
        draft.write(b"half")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        cache.make_layer(KEY, "test", "application/x", write)
    assert cache.find(KEY) is None
    assert not list(cache.drafts.iterdir())
    assert not list((cache.blobs / "sha256").iterdir())


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_builder_that_is_killed_at_any_moment_leaves_no_poison(tmp_path: Path) -> None:
    """Killed at twenty moments, each time on top of what the last one left, a run gives the same digests."""
    command = (sys.executable, "-m", "tests.builder.cache.killed")
    start = time.monotonic()
    expected = subprocess.run(
        [*command, tmp_path / "want"], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout
    duration = time.monotonic() - start
    root, cut = tmp_path / "cache", 0
    for number in range(200):  # a quick child ends before it is killed
        child = subprocess.Popen([*command, root], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert child.stdout
        child.stdout.readline()
        time.sleep(duration * (number % 20) / 40 + number / 10_000)
        child.kill()
        cut += child.wait() == -signal.SIGKILL
        child.stdout.close()
        if number % 8 == 7:  # from nothing again, so that each step is met
            check_cache(LayerCache(root))
            for path in LayerCache(root).keys.iterdir():
                path.unlink()
        if number >= 39 and cut >= 20:
            break
    assert cut >= 20
    for path in (root / "drafts").iterdir():
        os.utime(path, (1, 1))
    process = subprocess.run([*command, root], cwd=ROOT, capture_output=True, check=True, text=True)
    assert process.stdout == expected
    check_cache(LayerCache(root))
    assert not list((root / "drafts").iterdir())


def test_a_draft_of_a_running_builder_is_left_alone(cache: LayerCache) -> None:
    """A locked draft is not a leftover, however old it is."""
    with cache.open_draft() as draft, cache.open_workspace() as folder:
        os.utime(draft.path, (1, 1))
        os.utime(folder.parent, (1, 1))
        LayerCache(cache.root).close()
        assert draft.path.exists()
        assert folder.exists()


def test_two_builders_make_a_layer_once(cache: LayerCache) -> None:
    """The second waits for the first and finds what it made."""
    calls: list[int] = []

    def write(draft: PendingBlob) -> str:
        calls.append(1)
        time.sleep(0.2)
        draft.write(b"layer")
        return "sha256:" + "0" * 64

    layers: list[Layer] = []

    def build() -> None:
        other = LayerCache(cache.root)
        layers.append(other.make_layer(KEY, "test", "application/x", write))
        other.close()

    threads = [threading.Thread(target=build) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
    assert len({layer.digest for layer in layers}) == 1


@pytest.mark.slow
def test_two_processes_on_one_cache_agree(tmp_path: Path) -> None:
    """Builders that make the same things at once get the same digests, and the cache is whole."""
    command = (sys.executable, "-m", "tests.builder.cache.killed", tmp_path / "cache")
    children = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    texts = {child.communicate()[0] for child in children}
    assert len(texts) == 1
    assert {child.returncode for child in children} == {0}
    check_cache(LayerCache(tmp_path / "cache"))


def test_a_full_disk_is_named_and_does_no_harm(tmp_path: Path) -> None:
    """A cache on a disk of 2 MB: a layer of 4 MB ends with DiskFullError, a small one can still be made afterwards."""
    with disk(tmp_path / "disk", "2m") as small:
        cache = LayerCache(small / "cache")
        with pytest.raises(DiskFullError, match=r"cannot write to the cache .*No space left") as caught:
            make_files_layer({"/a": os.urandom(4_000_000)}, cache)
        assert caught.value.exit_code == 55
        assert "prune" in caught.value.hint
        assert not list(cache.drafts.iterdir())
        assert make_files_layer({"/a": b"small"}, cache).size
        check_cache(cache)
        cache.close()


def test_a_cache_that_cannot_be_created_is_named(tmp_path: Path) -> None:
    """An unwritable path is an `OvenbirdError` with the path."""
    with pytest.raises(DiskFullError, match="/proc/ovenbird"):
        LayerCache(Path("/proc/ovenbird"))


def test_a_damaged_entry_is_dropped_whatever_it_holds(tmp_path: Path) -> None:
    """Every field of an entry, by every type; other encodings; deep nesting. None of it raises, or leads elsewhere."""
    cache = LayerCache(tmp_path / "cache")
    with cache.open_draft() as draft:
        draft.write(b"x")
        cache.remember("sha256:" + "1" * 64, draft, "m", "n")
    (path,) = cache.keys.iterdir()
    document = json.loads(path.read_bytes())
    odd = [value for value in VALUES if not isinstance(value, (datetime.date, datetime.time))]
    texts = [
        json.dumps({**document, field: value}).encode()
        for field in document
        for value in (*odd, None, "sha256:../../x")
    ]
    texts += [json.dumps(value).encode() for value in (*odd, None, {**document, "more": 1})]
    texts += [b"", b"\0", b"\xff", b"[" * 100_000, b"9" * 9000, json.dumps(document).encode()[:-5]]
    for text in texts:
        path.write_bytes(text)
        cache.find("sha256:" + "1" * 64)
        cache.find_layer("sha256:" + "1" * 64)
        cache.recall("sha256:" + "1" * 64)
    path.write_text(json.dumps(document))
    assert cache.find_layer("sha256:" + "1" * 64)


def test_a_cache_is_marked_for_programs_that_copy_or_commit(tmp_path: Path) -> None:
    """The tag and the rules of git are there from the start; a user's own rules stay as they are."""
    root = tmp_path / "cache"
    LayerCache(root).close()
    assert (root / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")
    assert (root / ".gitignore").read_text() == "*\n"
    (root / ".gitignore").write_text("/keys\n")
    LayerCache(root).close()
    assert (root / ".gitignore").read_text() == "/keys\n"
