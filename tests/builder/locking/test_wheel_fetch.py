"""Wheels for the pins of a lock: downloaded together, verified, built if missing, cached safely."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs
from tests.orchard import PASSWORD, Bench, Orchard, project, wheel

from ovenbird.common.hashing import hash_file
from ovenbird_builder.errors import HashError, NoWheelError, PackageIndexError, WheelBuildError
from ovenbird_builder.host import process
from ovenbird_builder.locking.indexes import read_indexes
from ovenbird_builder.locking.lock_format import Lock, LockHeader, Pin, make_lock
from ovenbird_builder.locking.wheel_fetch import fetch_wheels
from ovenbird_builder.locking.wheelhouse import Wheel, Wheelhouse


def fetch(bench: Bench, lock: Lock, **options: object) -> tuple[Wheel, ...]:
    flags = {name: options.pop(name) for name in ("root", "offline", "only_binary", "identity") if name in options}
    return fetch_wheels(lock, bench.context(**options), **flags)


def make_pins(*pins: Pin) -> Lock:
    return make_lock(pins, LockHeader())


def make_pin(path: Path, name: str, version: str, *more: str) -> Pin:
    return Pin(name, version, (f"sha256:{hash_file(path)}", *more))


@pytest.fixture
def own_bench(bench: Bench, tmp_path: Path) -> Bench:
    """The bench with a cache of this test's own."""
    return replace(bench, cache=bench.make_cache(tmp_path / "cache"))


@pytest.fixture
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any program that is started from here on ends the test."""

    def refuse(*args: object, **options: object) -> None:
        raise AssertionError(f"started {args}")

    monkeypatch.setattr(subprocess, "Popen", refuse)


def test_wheels_are_fetched_once_and_verified(
    own_bench: Bench, orchard: Orchard, request: pytest.FixtureRequest
) -> None:
    """The first call downloads, the second starts nothing and answers the same, offline too."""
    packages = orchard.packages
    lock = make_pins(
        make_pin(packages / "apple-2.0-py3-none-any.whl", "apple", "2.0"),
        make_pin(packages / "banana-1.0-py3-none-any.whl", "banana", "1.0"),
    )
    first = fetch(own_bench, lock)
    assert [(wheel.name, wheel.version, wheel.filename) for wheel in first] == [
        ("apple", "2.0", "apple-2.0-py3-none-any.whl"),
        ("banana", "1.0", "banana-1.0-py3-none-any.whl"),
    ]
    assert all(hash_file(wheel.path) == wheel.sha256 for wheel in first)
    request.getfixturevalue("nothing_starts")
    assert fetch(own_bench, lock) == first
    assert fetch(own_bench, lock, offline=True) == first


def test_the_wheel_is_the_target_s(own_bench: Bench, orchard: Orchard) -> None:
    """Of two wheels that the lock allows, each target takes its own."""
    pin = make_pin(
        orchard.packages / "native-1.0-cp311-cp311-manylinux_2_17_x86_64.whl", "native", "1.0",
        "sha256:" + hash_file(orchard.packages / "native-1.0-cp311-cp311-manylinux_2_28_aarch64.whl"),
    )  # fmt: skip
    arm_interpreter = structs.replace(own_bench.interpreter, machine="aarch64", soabi="cpython-311-aarch64-linux-gnu")
    assert "x86_64" in fetch(own_bench, make_pins(pin))[0].filename
    assert "aarch64" in fetch(own_bench, make_pins(pin), interpreter=arm_interpreter)[0].filename
    old = structs.replace(arm_interpreter, libc="glibc 2.17")
    with pytest.raises(NoWheelError, match=r"native==1\.0"):
        fetch(own_bench, make_pins(pin), interpreter=old)


def test_a_file_with_another_hash_is_refused(own_bench: Bench) -> None:
    """A hash that the index's file does not have."""
    with pytest.raises(HashError) as caught:
        fetch(own_bench, make_pins(Pin("banana", "1.0", (f"sha256:{'0' * 64}",))))
    assert caught.value.exit_code == 44
    assert "banana==1.0" in caught.value.message
    assert "expected sha256:0000" in caught.value.message
    assert PASSWORD not in str(caught.value)


def test_a_source_distribution_is_built_by_the_target_and_cached(
    own_bench: Bench, orchard: Orchard, request: pytest.FixtureRequest
) -> None:
    """Built in the container; the second time nothing is built, and the digest is the same in another cache."""
    lock = make_pins(
        make_pin(orchard.packages / "date_tree-1.0.tar.gz", "date-tree", "1.0"),
        make_pin(orchard.packages / "banana-1.0-py3-none-any.whl", "banana", "1.0"),
    )
    first = fetch(own_bench, lock)
    assert {wheel.filename for wheel in first} == {"date_tree-1.0-py3-none-any.whl", "banana-1.0-py3-none-any.whl"}
    others = fetch(replace(own_bench, cache=own_bench.cache.parent / "other"), lock)
    assert [wheel.sha256 for wheel in others] == [wheel.sha256 for wheel in first]
    started: list[str] = []
    original = process.run
    request.getfixturevalue("monkeypatch").setattr(
        process, "run", lambda argv, **options: (started.append(" ".join(argv)), original(argv, **options))[1]
    )
    assert fetch(own_bench, lock) == first
    assert all("inspect" in words for words in started), started  # only to learn the base's digest


@pytest.mark.parametrize("options", [{"only_binary": True}, {"machine": "aarch64"}])
def test_nothing_is_built_when_only_wheels_are_allowed(
    own_bench: Bench, orchard: Orchard, options: dict[str, object]
) -> None:
    """`--only-binary`, and another architecture."""
    pin = make_pin(orchard.packages / "date_tree-1.0.tar.gz", "date-tree", "1.0")
    if machine := options.pop("machine", None):
        options["interpreter"] = structs.replace(
            own_bench.interpreter, machine=str(machine), soabi=f"cpython-311-{machine}-linux-gnu"
        )
    with pytest.raises(NoWheelError, match=r"date-tree==1\.0"):
        fetch(own_bench, make_pins(pin), **options)


def test_a_build_that_fails_or_hangs_is_reported(own_bench: Bench, orchard: Orchard) -> None:
    """With its output, and within the time limit."""
    with pytest.raises(WheelBuildError, match=r"(?s)fig==1.0.*no figs this year"):
        fetch(own_bench, make_pins(make_pin(orchard.packages / "fig-1.0.tar.gz", "fig", "1.0")))
    with pytest.raises(WheelBuildError, match=r"sloth==1\.0 was still building after 8 s"):
        fetch(own_bench, make_pins(make_pin(orchard.packages / "sloth-1.0.tar.gz", "sloth", "1.0")), timeout=8.0)


@pytest.mark.usefixtures("nothing_starts")
def test_offline_names_what_is_missing(own_bench: Bench, orchard: Orchard) -> None:
    """Without the network nothing is started; every pin without a wheel is named."""
    lock = make_pins(Pin("apple", "2.0", (f"sha256:{'1' * 64}",)), Pin("banana", "1.0", (f"sha256:{'2' * 64}",)))
    with pytest.raises(PackageIndexError, match=r"apple==2.0, banana==1.0"):
        fetch(own_bench, lock, offline=True)


@pytest.mark.usefixtures("nothing_starts")
def test_offline_uses_the_best_wheel_of_a_bundle(own_bench: Bench, tmp_path: Path) -> None:
    """A wheelhouse that was unpacked from a bundle has files and no keys: the best tag wins."""
    plain = wheel(tmp_path, "kiwi", "1.0")
    better = wheel(tmp_path, "kiwi", "1.0", tag="cp311-cp311-manylinux_2_17_x86_64")
    foreign = wheel(tmp_path, "kiwi", "1.0", tag="cp311-cp311-manylinux_2_17_aarch64")
    hashes = tuple(f"sha256:{hash_file(path)}" for path in (plain, better, foreign))
    for path in (plain, better, foreign):
        Wheelhouse(own_bench.cache).put(path)
    wheels = fetch(own_bench, make_pins(Pin("kiwi", "1.0", hashes)), offline=True)
    assert wheels[0].filename == "kiwi-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"


@pytest.mark.parametrize("damage", ["cut", "changed", "gone", "empty key"])
def test_a_damaged_entry_is_fetched_again(own_bench: Bench, orchard: Orchard, damage: str) -> None:
    """A damaged cached wheel is never returned."""
    lock = make_pins(make_pin(orchard.packages / "banana-1.0-py3-none-any.whl", "banana", "1.0"))
    path = fetch(own_bench, lock)[0].path
    content = path.read_bytes()
    if damage == "cut":
        path.write_bytes(content[:100])
    elif damage == "changed":
        path.write_bytes(content.replace(b"VERSION", b"WERSION"))
    elif damage == "gone":
        path.unlink()
    else:
        for key in (own_bench.cache / "wheels" / "keys").iterdir():
            key.write_text("")
    assert fetch(own_bench, lock)[0].path.read_bytes() == content


def test_a_wheel_from_the_source_is_built_again_the_same(own_bench: Bench, tmp_path: Path) -> None:
    """A pin with an origin: at hand after locking; in an empty cache it is built again, bit for bit; else refused."""
    folder = tmp_path / "tree" / "lib"
    folder.mkdir(parents=True)
    for name, text in project("plum", "1.5").items():
        (folder / name).write_text(text)
    lock = own_bench.lock("./lib", root=tmp_path / "tree")
    first = fetch(own_bench, lock, offline=True)
    other = replace(own_bench, cache=own_bench.make_cache(tmp_path / "other"))
    os.utime(folder / "backend.py", (1, 1))
    again = fetch(other, lock, root=tmp_path / "tree")
    assert [wheel.sha256 for wheel in again] == [wheel.sha256 for wheel in first]
    (folder / "backend.py").write_text(project("plum", "1.5", before="# other", generator="tests (2)")["backend.py"])
    with pytest.raises(HashError, match=r"plum==1.5 built from file:lib is not the wheel that was locked"):
        fetch(replace(own_bench, cache=own_bench.make_cache(tmp_path / "third")), lock, root=tmp_path / "tree")


def test_an_index_that_is_down_is_reported(own_bench: Bench, orchard: Orchard) -> None:
    """As such, and so is a password that is missing."""
    lock = make_pins(make_pin(orchard.packages / "banana-1.0-py3-none-any.whl", "banana", "1.0"))
    with pytest.raises(PackageIndexError, match="does not answer"):
        fetch(own_bench, lock, indexes=read_indexes("http://127.0.0.1:9/simple", [], {}))
    with pytest.raises(PackageIndexError, match="credentials"):
        fetch(own_bench, lock, indexes=read_indexes(orchard.url, [], {}))


def test_two_builds_share_a_cache(own_bench: Bench, orchard: Orchard) -> None:
    """Both get whole wheels, and nothing half stays."""
    lock = make_pins(make_pin(orchard.packages / "banana-1.0-py3-none-any.whl", "banana", "1.0"))
    results: list[tuple[Wheel, ...]] = []
    threads = [threading.Thread(target=lambda: results.append(fetch(own_bench, lock))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 2
    assert results[0] == results[1]
    assert not list((own_bench.cache / "wheels").rglob(".*"))


_KILLED = """
import os, sys
sys.path[:0] = {path!r}
from pathlib import Path
from ovenbird_builder.locking import wheelhouse
step = int(sys.argv[3])
def stop(*args):
    global step
    step -= 1
    if step == 0:
        os.kill(os.getpid(), 9)
events = ("open", "os.rename", "os.mkdir", "os.chmod", "shutil.move")
sys.addaudithook(lambda event, args: stop() if event in events else None)
house = wheelhouse.Wheelhouse(Path(sys.argv[1]))
found = house.put(Path(sys.argv[2]))
house.note("k", {{"sha256": found.sha256}})
print("done")
"""


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_a_valid_cache(tmp_path: Path) -> None:
    """Killed at each file operation in turn, a wheelhouse never holds a file with a wrong hash."""
    steps = 0
    for step in range(1, 60):
        file = wheel(tmp_path, "kiwi", "1.0", note=f"# {step}")
        sha256 = hash_file(file)
        cache = tmp_path / "cache"
        code = _KILLED.format(path=[path for path in sys.path if path])
        process = subprocess.run(
            [sys.executable, "-c", code, str(cache), str(file), str(step)], capture_output=True, text=True, check=False
        )
        stored = cache / "wheels" / "files" / sha256 / file.name
        if stored.exists():
            assert hash_file(stored) == sha256
        cached = Wheelhouse(cache).find(sha256)
        assert cached is None or hash_file(cached.path) == sha256
        if process.stdout == "done\n":
            break
        assert process.returncode == -signal.SIGKILL, process.stderr
        steps += 1
        file = wheel(tmp_path, "kiwi", "1.0", note=f"# {step}")
        assert Wheelhouse(cache).put(file).sha256 == sha256
    assert steps > 8


def test_a_builder_that_is_killed_leaves_no_password(own_bench: Bench, orchard: Orchard, tmp_path: Path) -> None:
    """After a kill pip's configuration is readable by its owner only, and is in memory."""
    with own_bench.indexes.write_config() as path:
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent == Path("/dev/shm") or not os.access("/dev/shm", os.W_OK)
    assert not path.exists()
