"""Locking against a real private index, by the real pip-tools in real containers."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs
from tests.orchard import PASSWORD, Bench, Orchard, project, wants, wheel

from ovenbird_builder.bases.probe import probe_python
from ovenbird_builder.errors import (
    ConflictError,
    HashError,
    LockError,
    NoWheelError,
    PackageIndexError,
    RequirementMissingError,
    SourceMissingError,
    StaleLockError,
    WheelBuildError,
)
from ovenbird_builder.host.network import NetworkSettings
from ovenbird_builder.locking import lockfile
from ovenbird_builder.locking.indexes import read_indexes
from ovenbird_builder.locking.lock_format import SELF, Lock, parse_lock
from ovenbird_builder.locking.wheel_fetch import fetch_wheels


def list_versions(lock: Lock) -> dict[str, str]:
    return {pin.name: pin.version for pin in lock.pins}


def test_pins_cover_the_closure_and_name_the_requirer(bench: Bench) -> None:
    """The closure is pinned with hashes; each pin names who wants it."""
    lock = bench.lock("apple>=1")
    assert list_versions(lock) == {"apple": "2.0", "banana": "2.0"}
    assert {pin.name: pin.via for pin in lock.pins} == {"apple": (SELF,), "banana": ("apple",)}
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for pin in lock.pins for digest in pin.hashes)


def test_the_text_names_the_target_and_nothing_of_this_machine(bench: Bench, orchard: Orchard) -> None:
    """The head names Python, platform and C library; no path, no index, no password is in the text."""
    text = bench.lock("apple>=1").text
    assert "# python: 3.11\n# platform: linux/amd64\n# libc: glibc 2." in text
    assert "# locker: pip-tools " in text
    assert "# wanted: apple>=1\n" in text
    for word in (PASSWORD, "gardener", "127.0.0.1", "http", str(bench.cache), "/run/ovenbird", os.environ["HOME"]):
        assert word not in text, word
    assert parse_lock(text, "function.lock").pins == bench.lock("apple>=1").pins


def test_the_same_question_needs_no_container(bench: Bench) -> None:
    """A second lock comes from the cache: the image need not even exist, and the text is the same."""
    first = bench.lock("banana>=1.0")
    again = replace(bench, image="localhost/none/such:1").lock("banana>=1.0")
    assert again == first


def test_a_damaged_entry_of_the_cache_is_not_used(bench: Bench) -> None:
    """A kept lock that was cut short is made again."""
    first = bench.lock("banana>=1.0,!=1.5")
    for path in (bench.cache / "resolved").iterdir():
        path.write_text(path.read_text()[:-40])
    assert bench.lock("banana>=1.0,!=1.5") == first


def test_a_lock_is_the_same_in_an_empty_cache(bench: Bench, tmp_path: Path) -> None:
    """Nothing of the cache enters the text."""
    assert (
        replace(bench, cache=bench.make_cache(tmp_path)).lock("apple>=1", "cherry").text
        == bench.lock("apple>=1", "cherry").text
    )


def test_no_requirements_give_an_empty_lock_without_a_container(bench: Bench) -> None:
    """A function without dependencies starts nothing."""
    assert replace(bench, image="localhost/none/such:1").lock().pins == ()


def test_a_marker_is_that_of_the_target(bench: Bench) -> None:
    """A requirement for another Python takes no part."""
    lock = bench.lock("apple==1.0; python_version == '3.11'", "nosuch-pear; python_version == '3.99'")
    assert list_versions(lock) == {"apple": "1.0"}


def test_existing_pins_stay_until_an_upgrade(bench: Bench) -> None:
    """An older pin stays when a requirement is added; `--upgrade-package` and `--upgrade` move it."""
    old = bench.lock("banana==1.0")
    assert list_versions(bench.lock("banana", "apple", previous=old)) == {"banana": "1.0", "apple": "2.0"}
    moved = bench.lock("banana", "apple", previous=old, upgrade_packages=["banana"])
    assert list_versions(moved)["banana"] == "2.0"
    assert list_versions(bench.lock("banana", "apple", previous=old, upgrade=True))["banana"] == "2.0"


def test_a_conflict_names_both_requirements_and_their_lines(bench: Bench) -> None:
    """cherry needs banana<2, the user banana>=2."""
    with pytest.raises(ConflictError) as caught:
        bench.lock("banana>=2", "cherry==1.0")
    assert caught.value.exit_code == 41
    assert "banana>=2 is asked for in requirements.txt line 1" in caught.value.message
    assert "cherry 1.0 needs banana<2" in caught.value.message


def test_the_runtime_takes_part(bench: Bench) -> None:
    """A package that needs a version the runtime cannot use is a conflict that names the runtime."""
    with pytest.raises(ConflictError) as caught:
        bench.lock("grape==1.0")
    assert "starlette>=1.3.1 is what the runtime needs" in caught.value.message
    assert "grape 1.0 needs starlette<0.28" in caught.value.message


def test_a_version_the_runtime_cannot_use_is_refused_at_once(bench: Bench) -> None:
    """No container starts, since the text suffices."""
    with pytest.raises(ConflictError, match=r"'starlette==0.20' that you ask for in requirements.txt line 1 is not "
                       r"within the runtime's starlette>=1.3.1"):  # fmt: skip
        replace(bench, image="localhost/none/such:1").lock("starlette==0.20")


def test_constraints_limit_and_are_named(bench: Bench) -> None:
    """A constraint selects the version, and is named in a conflict."""
    limited = structs.replace(wants("banana"), constraints=wants("banana<2").lines)
    assert list_versions(_lock(bench, limited)) == {"banana": "1.0"}
    limited = structs.replace(wants("banana>=2"), constraints=wants("banana<2").lines)
    with pytest.raises(LockError, match=r"banana<2.*requirements.txt line 1"):
        _lock(bench, limited)


def _lock(bench: Bench, requirements: object) -> Lock:
    return bench.lock_needs(requirements)


@pytest.mark.parametrize(
    ("text", "error", "status", "words"),
    [
        ("durian>=1", RequirementMissingError, 42, "the index has no 'durian>=1' (asked for in requirements.txt line"),
        ("banana==9", RequirementMissingError, 42, "no version that fits 'banana==9' (asked for in requirements.txt"),
        ("elder==1.0", NoWheelError, 43, "Python 3.11 on linux/amd64 (glibc 2.36)"),
        ("new-glibc==1.0", NoWheelError, 43, "new_glibc-1.0-cp311-cp311-manylinux_2_99_x86_64.whl"),
        ("future", RequirementMissingError, 42, ">=3.99"),
        ("fig", WheelBuildError, 53, "distribution of fig 1.0 could not be built (asked for in requirements.txt line"),
        ("jam", WheelBuildError, 53, "the source distribution of fig 1.0 could not be built (jam needs it)"),
        ("lone-pear", RequirementMissingError, 42, "no version that fits 'banana==99' (lone-pear needs it)"),
    ],
)  # fmt: skip
def test_each_kind_of_missing_package_is_reported(
    bench: Bench, text: str, error: type[LockError], status: int, words: str
) -> None:
    """Each kind of missing package has its own error, which names the requirer."""
    with pytest.raises(error) as caught:
        bench.lock(text)
    assert caught.value.exit_code == status
    assert words in caught.value.message
    assert text != "fig" or "no figs this year" in caught.value.message
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize("texts", [("banana==99", "banana<3"), ("banana", "lone-pear")])
def test_a_missing_version_is_not_a_conflict(bench: Bench, texts: tuple[str, ...]) -> None:
    """Beside another requirement of the same name pip calls it a conflict; the versions that there are are named."""
    with pytest.raises(RequirementMissingError) as caught:
        bench.lock(*texts)
    reason = "lone-pear 1.0 needs it" if "lone-pear" in texts else "asked for in requirements.txt line"
    assert f"no version that fits 'banana==99' ({reason}" in caught.value.message
    assert "it has 1.0, 2.0" in caught.value.message


def test_only_binary_refuses_a_source_distribution_unrun(bench: Bench) -> None:
    """With `--only-binary` a source distribution is refused, not built: its failing build is never met."""
    with pytest.raises(NoWheelError, match=r"fig-1\.0\.tar\.gz"):
        bench.lock("fig==1.0", only_binary=True)


def test_a_source_distribution_is_locked(bench: Bench) -> None:
    """Its requirements are read by building its metadata in the container."""
    assert list_versions(bench.lock("date-tree")) == {"date-tree": "1.0", "banana": "2.0"}


def test_a_build_that_hangs_is_ended(bench: Bench) -> None:
    """The time limit applies to a source distribution whose build sleeps."""
    with pytest.raises(PackageIndexError, match="longer than 6 s"):
        bench.lock("sloth", timeout=6.0)


def test_hashes_of_the_user_replace_all_others(bench: Bench) -> None:
    """A hash in requirements.txt stays; one that no file has is an error."""
    right = bench.lock("banana==1.0").pins[0].hashes[0]
    assert bench.lock(f"banana==1.0 --hash={right}").pins[0].hashes == (right,)
    with pytest.raises(HashError) as caught:
        bench.lock(f"banana==1.0 --hash=sha256:{'0' * 64}")
    assert caught.value.exit_code == 44
    assert "requirements.txt line 1" in caught.value.message


def test_an_index_with_a_password_is_reported(bench: Bench, orchard: Orchard) -> None:
    """Without credentials, or with wrong ones, nothing hangs and nothing leaks."""
    wrong = orchard.url.replace("://", "://gardener:Wrong-Plums-1@")
    for url in (orchard.url, wrong):
        with pytest.raises(PackageIndexError) as caught:
            replace(bench, indexes=read_indexes(url, [], {})).lock("cherry")
        assert caught.value.exit_code == 46
        assert "credentials" in caught.value.message
        assert "Wrong-Plums-1" not in str(caught.value)


def test_an_index_that_is_down_is_reported(bench: Bench) -> None:
    """A closed port is an index that does not answer, not a package that does not exist."""
    with pytest.raises(PackageIndexError, match=r"does not answer \(http://127.0.0.1:9/simple\)"):
        replace(bench, indexes=read_indexes("http://127.0.0.1:9/simple", [], {})).lock("cherry")


def test_the_password_may_be_in_netrc(bench: Bench, orchard: Orchard, tmp_path: Path) -> None:
    """`.netrc` is used for a host whose URL has no login."""
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login gardener password {PASSWORD}\n")
    indexes = read_indexes(orchard.url, [], {"NETRC": str(tmp_path / "netrc")})
    assert list_versions(
        replace(bench, indexes=indexes, cache=bench.make_cache(tmp_path / "cache")).lock("banana")
    ) == {"banana": "2.0"}


def test_the_password_is_in_no_argument(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrapper of buildah records all arguments: they hold no password, and none is stored."""
    log = tmp_path / "argv"
    front = tmp_path / "bin" / "buildah"
    front.parent.mkdir()
    front.write_text(f'#!/bin/sh\necho "$@" >> {log}\nPATH="${{PATH#*:}}" exec buildah "$@"\n')
    front.chmod(0o755)
    monkeypatch.setenv("PATH", f"{front.parent}:{os.environ['PATH']}")
    replace(bench, cache=bench.make_cache(tmp_path / "cache")).lock("banana")
    assert "piptools" in log.read_text()
    for path in [log, *(path for path in (tmp_path / "cache").rglob("*") if path.is_file())]:
        content = path.read_bytes()
        assert PASSWORD.encode() not in content, path
        assert b"Plum%26Pear%2377" not in content, path


def test_the_host_s_configuration_of_pip_is_ignored(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables and files of pip that point elsewhere change nothing."""
    (tmp_path / "pip.conf").write_text("[global]\nno-index = true\nindex-url = http://127.0.0.1:9/simple\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    wheel(tmp_path, "banana", "9.0")
    assert list_versions(replace(bench, cache=bench.make_cache(tmp_path / "cache")).lock("banana")) == {"banana": "2.0"}


def test_another_architecture_is_resolved_by_its_own_markers_and_wheels(bench: Bench) -> None:
    """On this machine, for aarch64: its markers, its wheels, and nothing is built."""
    arm_interpreter = structs.replace(bench.interpreter, machine="aarch64", soabi="cpython-311-aarch64-linux-gnu")
    assert set(list_versions(bench.lock("glass", interpreter=arm_interpreter))) == {"glass", "banana"}
    assert set(list_versions(bench.lock("glass"))) == {"glass", "apple", "banana"}
    assert "# platform: linux/arm64\n" in bench.lock("arm-only", "native", interpreter=arm_interpreter).text
    with pytest.raises(NoWheelError, match=r"date_tree-1.0.tar.gz"):
        bench.lock("date-tree", interpreter=arm_interpreter)


def test_a_folder_of_the_source_is_built_and_pinned_by_its_hash(bench: Bench, tmp_path: Path) -> None:
    """`./lib` becomes a wheel with one hash and its origin below the source; its content is part of the request."""
    folder = tmp_path / "tree" / "lib"
    folder.mkdir(parents=True)
    for name, text in project("plum", "1.5", "banana<2").items():
        (folder / name).write_text(text)
    lock = bench.lock("./lib", root=tmp_path / "tree")
    plum = next(pin for pin in lock.pins if pin.name == "plum")
    assert (plum.version, plum.url, len(plum.hashes), plum.built) == ("1.5", "file:lib", 1, "tests==1")
    assert list_versions(lock)["banana"] == "1.0"
    assert str(tmp_path) not in lock.text
    before = wants("./lib", root=tmp_path / "tree").list_texts()
    (folder / "plum.txt").write_text("more")
    assert wants("./lib", root=tmp_path / "tree").list_texts() != before


def test_a_git_repository_is_pinned_by_its_commit_and_hash(bench: Bench, tmp_path: Path) -> None:
    """A branch becomes the full commit; the same wheel is built again from it when the branch has moved on."""
    repository = tmp_path / "repository"
    (repository / "lib").mkdir(parents=True)

    def commit(version: str) -> str:
        for name, text in project("plum", version).items():
            (repository / "lib" / name).write_text(text)
        git = ("git", "-C", str(repository), "-c", "user.name=t", "-c", "user.email=t@example.org")
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "--quiet", "-m", version], check=True)
        return subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()

    subprocess.run(["git", "init", "--quiet", "-b", "main", str(repository)], check=True)
    first = commit("1.5")
    requirement = f"plum @ git+file://{repository}@main#subdirectory=lib"
    lock = bench.lock(requirement)
    assert lock.pins[0].url == f"git+file://{repository}@{first}#subdirectory=lib"
    commit("1.6")
    wheels = fetch_wheels(
        parse_lock(lock.text, "function.lock"),
        bench.context(cache=bench.make_cache(tmp_path / "cache"), environ=os.environ),
    )
    assert (wheels[0].version, f"sha256:{wheels[0].sha256}") == ("1.5", lock.pins[0].hashes[0])
    with pytest.raises(SourceMissingError):
        bench.lock(f"plum @ git+file://{repository}@nowhere")


def test_a_lock_says_what_changed(bench: Bench) -> None:
    """A stale lock names each requirement that was added or removed, the Python and the platform."""
    old = bench.lock("apple>=1", "cherry")
    header = lockfile.make_header(wants("apple>=2", "cherry"), bench.interpreter, "pip-tools")
    with pytest.raises(StaleLockError) as caught:
        lockfile.check_lock(old, header, bench.interpreter, "function.lock")
    assert caught.value.exit_code == 45
    assert caught.value.message.splitlines()[1:] == ["  apple>=2 was added", "  apple>=1 was removed"]
    newer = structs.replace(bench.interpreter, version="3.12.1", machine="aarch64")
    with pytest.raises(StaleLockError, match=r"(?s)Python was 3.11, is 3.12.*linux/amd64, is linux/arm64"):
        lockfile.check_lock(
            old, lockfile.make_header(wants("apple>=1", "cherry"), newer, "pip-tools"), newer, "function.lock"
        )
    older = structs.replace(bench.interpreter, libc="glibc 2.28")
    with pytest.raises(StaleLockError, match=r"glibc 2.36, is the older glibc 2.28"):
        lockfile.check_lock(
            old, lockfile.make_header(wants("apple>=1", "cherry"), older, "pip-tools"), older, "function.lock"
        )
    same = lockfile.make_header(wants("cherry", "apple>=1"), bench.interpreter, "pip-tools")
    lockfile.check_lock(parse_lock(old.text, "function.lock"), same, bench.interpreter, "function.lock")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("version", ["3.10", "3.14"])
def test_the_oldest_and_the_newest_python_lock_too(
    bench: Bench, standins: dict[str, str], version: str, tmp_path: Path
) -> None:
    """The tools that are mounted run under each Python, with nothing of them installed in the image."""
    interpreter = probe_python(standins[version], cache=bench.make_cache(tmp_path))
    lock = replace(bench, image=standins[version], interpreter=interpreter).lock("apple", "date-tree")
    assert list_versions(lock) == {"apple": "2.0", "banana": "2.0", "date-tree": "1.0"}
    assert f"# python: {version}\n" in lock.text


@pytest.mark.timeout(300)
def test_the_public_index_has_wheels_for_arm(bench: Bench, tmp_path: Path) -> None:
    """numpy, from the public index, for aarch64 on this machine, within the site's certificates."""
    from ovenbird_builder.host.network import read_network_settings

    site = read_network_settings("", os.environ)
    public = replace(bench, indexes=read_indexes("", [], {}), cache=bench.make_cache(tmp_path), network=site)
    arm_interpreter = structs.replace(bench.interpreter, machine="aarch64", soabi="cpython-311-aarch64-linux-gnu")
    lock = public.lock("numpy>=1.26", interpreter=arm_interpreter)
    wheels = fetch_wheels(lock, public.context(interpreter=arm_interpreter))
    assert [wheel.name for wheel in wheels] == ["numpy"]
    assert "aarch64" in wheels[0].filename


def test_uv_locks_the_same_pins(bench: Bench) -> None:
    """`--locker uv` gives the same pins and hashes as pip-tools, and the same errors."""
    by_uv = bench.lock("apple>=1", "cherry", locker="uv")
    by_pip = bench.lock("apple>=1", "cherry")
    assert by_uv.pins == by_pip.pins
    assert by_uv.digest == by_pip.digest
    assert "# locker: uv " in by_uv.text
    for text, error in (("durian>=1", RequirementMissingError), ("banana==9", RequirementMissingError),
                        ("fig", NoWheelError), ("grape==1.0", ConflictError)):  # fmt: skip
        with pytest.raises(error) as caught:
            bench.lock(text, locker="uv")
        assert "requirements.txt line 1" in caught.value.message
        assert PASSWORD not in str(caught.value)


def test_a_refusal_by_the_index_is_reported_for_uv(bench: Bench, orchard: Orchard) -> None:
    """Without the password uv's refusal is the index's."""
    with pytest.raises(PackageIndexError):
        replace(bench, indexes=read_indexes(orchard.url, [], {})).lock("cherry", locker="uv")
    with pytest.raises(PackageIndexError):
        replace(bench, indexes=read_indexes("http://127.0.0.1:9/simple", [], {}), network=NetworkSettings()).lock(
            "cherry", locker="uv"
        )


def test_the_lock_of_another_tool_limits_versions_and_files(bench: Bench, orchard: Orchard, tmp_path: Path) -> None:
    """Requirements of a project are resolved to the versions of its uv.lock; an unknown hash is an error."""
    from ovenbird.common.hashing import hash_file
    from ovenbird.function_document import FunctionSpec
    from ovenbird_builder.locking.requirements import collect_requirements

    def locked(digest: str) -> Lock:
        (tmp_path / "uv.lock").write_text(
            '[[package]]\nname = "apple"\nversion = "1.0"\nsource = { registry = "https://pypi.org/simple" }\n'
            f'wheels = [{{ hash = "sha256:{digest}" }}]\n'
        )
        requirements = collect_requirements(FunctionSpec(tmp_path, "f", "main:handler", source="."), tmp_path)
        return bench.lock_needs(requirements, cache=bench.make_cache(tmp_path / "cache"))

    (tmp_path / "pyproject.toml").write_text('[project]\nname = "app"\ndependencies = ["apple"]\n')
    assert list_versions(locked(hash_file(orchard.packages / "apple-1.0-py3-none-any.whl")))["apple"] == "1.0"
    assert list_versions(bench.lock("apple"))["apple"] != "1.0"
    with pytest.raises(HashError, match=r"uv.lock, apple"):
        locked("f" * 64)
