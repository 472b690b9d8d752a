"""Options and hashes of a requirements file in a lock, against a real index."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from tests.orchard import Bench, Orchard, project, sdist, wants, wheel

from ovenbird.function_document import FunctionSpec
from ovenbird_builder.actions.lock_requirements import list_changes
from ovenbird_builder.errors import HashError, LockError, NoWheelError, SourceMissingError
from ovenbird_builder.locking.lock_format import Lock, parse_lock
from ovenbird_builder.locking.requirements import Requirements, collect_requirements
from ovenbird_builder.locking.wheel_fetch import fetch_wheels


def collect_needs(tree: Path, text: str) -> Requirements:
    """Return the requirements of a function with this requirements.txt."""
    (tree / "requirements.txt").write_text(text)
    return collect_requirements(FunctionSpec(root=tree, name="f", handler="main:handler", source="."), tree)


def lock_needs(bench: Bench, requirements: Requirements, **options: object) -> Lock:
    """Return a lock, by default by uv without a container."""
    return bench.lock_needs(requirements, **{"locker": "uv", **options})


def list_versions(lock: Lock) -> dict[str, str]:
    return {pin.name: pin.version for pin in lock.pins}


def compute_digest(orchard: Orchard, file: str, algorithm: str) -> str:
    return hashlib.new(algorithm, (orchard.packages / file).read_bytes()).hexdigest()


@pytest.mark.parametrize("algorithm", ["sha384", "sha512"])
def test_a_hash_of_another_algorithm_is_compared(
    bench: Bench, orchard: Orchard, tmp_path: Path, algorithm: str
) -> None:
    """With the file itself; the lock holds the SHA-256 of that file."""
    right, name = compute_digest(orchard, "banana-1.0-py3-none-any.whl", algorithm), "banana==1.0"
    lock = lock_needs(bench, collect_needs(tmp_path, f"{name} --hash={algorithm}:{right.upper()}\n"))
    assert lock.pins[0].hashes == (f"sha256:{compute_digest(orchard, 'banana-1.0-py3-none-any.whl', 'sha256')}",)
    with pytest.raises(HashError, match=rf"no file of banana==1.0 has the hash {algorithm}:0+ \(requirements.txt"):
        lock_needs(bench, collect_needs(tmp_path, f"{name} --hash={algorithm}:{'0' * len(right)}\n"))


def test_a_hash_of_another_algorithm_needs_a_wheel(bench: Bench, tmp_path: Path) -> None:
    """A source distribution is not built to compare it; the hint names the algorithm of the index."""
    with pytest.raises(LockError, match=r"date-tree==1.0 has no wheel for the target, so its sha512"):
        lock_needs(bench, collect_needs(tmp_path, f"date-tree --hash=sha512:{'0' * 128}\n"), locker="pip-tools")


def test_required_hashes_are_required_of_all(bench: Bench, orchard: Orchard, tmp_path: Path) -> None:
    """`--require-hashes`: what another package needs has to be listed with its hash too."""
    apple, banana = (
        f"{name}==2.0 --hash=sha256:{compute_digest(orchard, f'{name}-2.0-py3-none-any.whl', 'sha256')}\n"
        for name in ("apple", "banana")
    )
    assert list_versions(lock_needs(bench, collect_needs(tmp_path, "--require-hashes\n" + apple + banana))) == {
        "apple": "2.0", "banana": "2.0",
    }  # fmt: skip
    with pytest.raises(HashError, match=r"--require-hashes: no requirement names a hash of banana==2.0 \(apple\)"):
        lock_needs(bench, collect_needs(tmp_path, "--require-hashes\n" + apple))
    assert "banana" in list_versions(lock_needs(bench, collect_needs(tmp_path, apple)))


def test_only_binary_applies_to_names_in_a_file(bench: Bench, tmp_path: Path) -> None:
    """`--only-binary` with names refuses their source distributions, unrun, and no others."""
    with pytest.raises(NoWheelError, match=r"fig-1\.0\.tar\.gz"):
        lock_needs(bench, collect_needs(tmp_path, "--only-binary=fig,apple\nfig==1.0\n"), locker="pip-tools")
    lock = lock_needs(bench, collect_needs(tmp_path, "--only-binary fig\ndate-tree\n"), locker="pip-tools")
    assert list_versions(lock) == {"date-tree": "1.0", "banana": "2.0"}


@pytest.mark.parametrize("locker", ["uv", "pip-tools"])
def test_a_folder_of_wheels_in_the_source_is_an_index(bench: Bench, tmp_path: Path, locker: str) -> None:
    """`--find-links`: its wheels are locked by their hash and installed; a page of links in it leads nowhere."""
    tree, links = tmp_path / "tree", tmp_path / "tree" / "wheels"
    links.mkdir(parents=True)
    wheel(links, "quince", "1.0", "banana<2")
    wheel(tmp_path, "medlar", "1.0")
    (links / "index.html").write_text(f'<a href="{(tmp_path / "medlar-1.0-py3-none-any.whl").as_uri()}">medlar</a>')
    requirements = collect_needs(tree, "--find-links ./wheels\nquince\n")
    lock = lock_needs(bench, requirements, locker=locker)
    assert list_versions(lock) == {"quince": "1.0", "banana": "1.0"}
    assert str(tree) not in lock.text
    context = bench.context(cache=bench.make_cache(tmp_path / "cache"), links=(tree / "wheels",))
    wheels = fetch_wheels(parse_lock(lock.text, "function.lock"), context)
    assert [wheel.name for wheel in wheels] == ["banana", "quince"]
    with pytest.raises(LockError, match="medlar"):
        lock_needs(bench, collect_needs(tree, "--find-links ./wheels\nmedlar\n"), locker=locker)


def test_the_hash_of_an_archive_is_that_of_its_file(bench: Bench, tmp_path: Path) -> None:
    """As pip compares it, before anything in it runs, and not with the wheel that is built from it."""
    path = sdist(tmp_path, "plum", "1.5", before="open('/run/ovenbird/shop/ran', 'w')")
    right = hashlib.sha512(path.read_bytes()).hexdigest()
    lock = lock_needs(bench, collect_needs(tmp_path, f"./{path.name} --hash=sha512:{right}\n"), locker="pip-tools")
    assert (list_versions(lock), lock.pins[0].url) == ({"plum": "1.5"}, f"file:{path.name}")
    with pytest.raises(HashError) as caught:
        lock_needs(bench, collect_needs(tmp_path, f"./{path.name} --hash=sha256:{'0' * 64}\n"), locker="pip-tools")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert caught.value.message == (
        f"requirements.txt line 1: the file 'file:{path.name}' is not the one whose hash is named:"
        f" got sha256:{digest}, expected sha256:{'0' * 64}"
    )


def test_extras_and_markers_of_a_folder_count(bench: Bench, tmp_path: Path) -> None:
    """`./lib[x] ; marker`: what the extra brings is locked, where the marker applies."""
    (tmp_path / "lib").mkdir()
    for name, text in project("plum", "1.5", "banana<2; extra == 'sweet'").items():
        (tmp_path / "lib" / name).write_text(text.replace("Version: 1.5\\n", "Version: 1.5\\nProvides-Extra: sweet\\n"))
    text = "./lib[sweet] ; python_version >= '3.11'\n./none[x]; python_version < '3'\n"
    with pytest.raises(LockError, match=r"line 2: there is no './none' in the source"):
        collect_needs(tmp_path, text)
    (tmp_path / "none").mkdir()
    assert list_versions(lock_needs(bench, collect_needs(tmp_path, text), locker="pip-tools")) == {
        "plum": "1.5",
        "banana": "1.0",
    }


class Repository:
    """A git repository of one project, plum."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.url = folder, f"git+file://{folder}"
        subprocess.run(["git", "init", "--quiet", "-b", "main", str(folder)], check=True)

    def commit(self, version: str) -> str:
        """Commit this version of the project; the commit."""
        git = ("git", "-C", str(self.folder), "-c", "user.name=t", "-c", "user.email=t@example.org")
        for name, text in project("plum", version).items():
            (self.folder / name).write_text(text)
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "--quiet", "-m", version], check=True)
        process = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
        return process.stdout.strip()


@pytest.mark.timeout(300)
def test_a_repository_stays_at_its_commit_until_an_upgrade(bench: Bench, tmp_path: Path) -> None:
    """A lock made again does not follow the branch; `--upgrade`, `--upgrade-package` and another ref do."""
    repository = Repository(tmp_path / "repository")
    old, url = repository.commit("1.5"), repository.url
    first = lock_needs(bench, wants(f"{url}@main"))
    new = repository.commit("1.6")

    def again(*lines: str, **options: object) -> Lock:
        return lock_needs(bench, wants(*lines), previous=first, **options)

    def commit(lock: Lock) -> str:
        return next(pin.url for pin in lock.pins if pin.name == "plum").rpartition("@")[2]

    assert commit(again(f"{url}@main", "banana")) == old
    moved = again(f"{url}@main", upgrade=True)
    assert commit(moved) == new
    assert f"~ plum 1.5 -> 1.6, {url}@{old} -> {url}@{new}" in list_changes(first, moved)
    assert commit(again(f"{url}@main", "banana", upgrade_packages=["plum"])) == new
    assert commit(again(f"plum @ {url}")) == new


@pytest.mark.timeout(300)
def test_a_locked_commit_is_built_again_without_its_wheel(bench: Bench, tmp_path: Path) -> None:
    """It gives the same wheel in another cache; if the commit is missing too, the error has a hint."""
    repository = Repository(tmp_path / "repository")
    old, requirements = repository.commit("1.5"), wants(f"{repository.url}@main", "banana<2")
    first = lock_needs(bench, wants(f"{repository.url}@main"))
    repository.commit("1.6")
    fresh = replace(bench, cache=bench.make_cache(tmp_path / "cache"))
    assert lock_needs(fresh, requirements, previous=first).pins[1].hashes == first.pins[0].hashes
    lost = parse_lock(first.text.replace(old, "0" * 40), "function.lock")
    with pytest.raises(SourceMissingError, match="the commit that the lock names for plum is not there any more"):
        lock_needs(replace(bench, cache=bench.make_cache(tmp_path / "other")), requirements, previous=lost)
