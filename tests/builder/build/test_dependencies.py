"""An existing lock, hints for a damaged one, and notes on wheels that no lock pins."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.orchard import wheel

from ovenbird.common.hashing import hash_file
from ovenbird_builder.build.dependencies import describe_unpinned, lock_command, pin_dependencies
from ovenbird_builder.build.environment import open_environment
from ovenbird_builder.commands import options
from ovenbird_builder.containers.working_container import LazyImage
from ovenbird_builder.errors import LockError, PackageIndexError
from ovenbird_builder.host.progress import SILENT
from ovenbird_builder.locking.lock_format import LockHeader, Pin, make_lock
from ovenbird_builder.locking.wheel_tags import assume_interpreter
from ovenbird_builder.locking.wheelhouse import Wheel, describe_wheel
from ovenbird_builder.request.build_request import BuildRequest, detect_platform, parse_request
from ovenbird_builder.sources import SourceTree


def make_wheel(folder: Path, name: str) -> Wheel:
    path = wheel(folder, name, "1.0")
    return describe_wheel(path, hash_file(path))


def test_a_wheel_built_from_a_source_distribution_is_reported_with_its_build_requirements(tmp_path: Path) -> None:
    """The lock holds the hash of the source; a wheel whose own hash is locked is not reported."""
    apple, pear = make_wheel(tmp_path, "apple"), make_wheel(tmp_path, "pear")
    pins = (Pin("apple", "1.0", (f"sha256:{apple.sha256}",)), Pin("pear", "1.0", (f"sha256:{'0' * 64}",)))
    (text,) = describe_unpinned(make_lock(pins, LockHeader()), (apple, pear))
    assert text.startswith("built here from source distributions: pear 1.0 (tests==1); the lock does not pin")
    assert "apple" not in text


def test_nothing_is_reported_for_wheels_of_the_lock(tmp_path: Path) -> None:
    """The same holds without requirements."""
    apple = make_wheel(tmp_path, "apple")
    assert (
        describe_unpinned(make_lock((Pin("apple", "1.0", (f"sha256:{apple.sha256}",)),), LockHeader()), (apple,)) == ()
    )
    assert describe_unpinned(make_lock((), LockHeader()), ()) == ()


def test_a_function_without_requirements_imports_no_parser_of_them(tmp_path: Path) -> None:
    """Neither its command nor its lock imports packaging, pathspec or optparse: a third of its time."""
    (tmp_path / "main.py").write_text("def handler(): ...\n")
    code = f"""
import sys
from pathlib import Path
from ovenbird.function_document import FunctionSpec
from ovenbird_builder.commands import build
from ovenbird_builder.locking.lockfile import lock_nothing
from ovenbird_builder.locking.wheel_tags import assume_interpreter
from ovenbird_builder.locking.requirements import collect_requirements
from ovenbird_builder.sources import fetch
from ovenbird_builder.host.network import NetworkSettings
function = FunctionSpec(root=Path({str(tmp_path)!r}), name="f", handler="handler", source="main.py")
tree = fetch(function, Path({str(tmp_path / "into")!r}), environ={{}}, network=NetworkSettings())
wanted = collect_requirements(function, tree.path)
assert lock_nothing(wanted, assume_interpreter("3.12", "linux/amd64", "glibc 2.36"), "pip-tools").pins == ()
print(sorted(set(sys.modules) & {{"packaging", "pathspec", "optparse", "ovenbird_builder.locking.lock"}}))
"""
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (process.stdout.strip(), process.stderr) == ("[]", "")


Ask = Callable[..., BuildRequest]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """The request of a command line, in a folder with a function in `app`."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "function.yaml").write_text(
        "name: f\nkind: python\nspec: {source: {source: ., handler: 'main:fn'}, python_version: PYTHON3_12}\n"
    )
    (tmp_path / "app" / "main.py").write_text("def fn(): ...\n")
    monkeypatch.chdir(tmp_path)

    def made(*argv: str) -> BuildRequest:
        parser = argparse.ArgumentParser()
        options.add(parser, "build")
        return parse_request(options.read_flags(parser.parse_args(argv), {}), {"HOME": str(tmp_path)})

    return made


def refuse_image() -> str:
    raise AssertionError("nothing is locked")


def pin(request: BuildRequest, tree: SourceTree) -> None:
    """Find the lock of a request, as a build does; one that is made now is an error."""
    with open_environment(request, {}, SILENT) as environment:
        pin_dependencies(
            request,
            environment,
            tree,
            assume_interpreter("3.12", detect_platform(), "glibc 2.36"),
            LazyImage(refuse_image),
        )


def test_offline_resolves_nothing(ask: Ask, tmp_path: Path) -> None:
    """No container is started and no index asked; the requirements that have no lock are named."""
    request = ask("app", "--requirement", "apple", "--offline")
    with pytest.raises(PackageIndexError, match=r"offline, and there is no lock of what is needed: --requirement"):
        pin(request, SourceTree(tmp_path / "app", "local", "", "", None))


@pytest.mark.parametrize("content", ["<<<<<<< HEAD\n", "", "apple==1.0\n"], ids=["conflict", "empty", "no hash"])
def test_a_damaged_lock_ends_a_build_with_the_command_that_mends_it(ask: Ask, tmp_path: Path, content: str) -> None:
    """Nothing is resolved in its place, and the hint can be pasted."""
    (tmp_path / "app" / "function.lock").write_text(content)
    tree = SourceTree(tmp_path / "app", "local", "", "", None)
    for argv, hint in (
        (("app",), "`ovenbird lock app`"),
        (
            ("app", "--python", "3.11", "--requirement", "six>1"),
            "`ovenbird lock app --python 3.11 --requirement 'six>1'`",
        ),
    ):
        request = ask(*argv)
        with pytest.raises(LockError) as caught:
            pin(request, tree)
        assert (caught.value.hint, caught.value.exit_code) == (hint, 40)


def test_a_lock_that_a_bundle_brings_is_made_anew_by_a_bundle(ask: Ask, tmp_path: Path) -> None:
    """`ovenbird lock` takes no bundle."""
    (tmp_path / "app" / "function.lock").write_text(make_lock((), LockHeader()).text)
    tree = SourceTree(tmp_path / "app", "local", "", "", None)
    with pytest.raises(LockError) as caught:
        pin(replace(ask("app", "--requirement", "six>1"), bundled=tree), tree)
    assert caught.value.hint == "`ovenbird bundle` makes it anew, with these flags"


def test_a_stale_lock_names_that_command_too(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the folder itself the verb alone will do; a function without a document is named by its handler."""
    pins = (Pin("apple", "1.0", ("sha256:" + "1" * 64,)),)
    (tmp_path / "app" / "function.lock").write_text(
        make_lock(pins, LockHeader("3.9", detect_platform(), "glibc 2.36", "", "sha256:0")).text
    )
    tree = SourceTree(tmp_path / "app", "local", "", "", None)
    with pytest.raises(LockError, match=r"Python was 3\.9, is 3\.12") as caught:
        pin(ask("app"), tree)
    assert (caught.value.hint, caught.value.exit_code) == ("`ovenbird lock app`", 45)
    other = "linux/arm64" if detect_platform() == "linux/amd64" else "linux/amd64"
    assert lock_command(ask("app/main.py:fn", "--base", "b:1"), other) == (
        f"`ovenbird lock main:fn --source app --base b:1 --platform {other}`"
    )
    assert lock_command(ask("app", "--source", "app"), detect_platform()) == "`ovenbird lock app --source app`"
    monkeypatch.chdir(tmp_path / "app")
    assert lock_command(ask(), detect_platform()) == "`ovenbird lock`"
