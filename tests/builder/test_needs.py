"""What is said of wheels that no lock pins."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.orchard import wheel

from ovenbird.common.hashing import hash_file
from ovenbird_builder.locking.locktext import Head, Pin, made
from ovenbird_builder.locking.wheelhouse import Wheel, described
from ovenbird_builder.needs import unpinned


def at_hand(folder: Path, name: str) -> Wheel:
    path = wheel(folder, name, "1.0")
    return described(path, hash_file(path))


def test_a_wheel_built_from_a_source_distribution_is_told_with_what_built_it(tmp_path: Path) -> None:
    """The lock holds the hash of the source; a wheel whose own hash it holds is not told."""
    apple, pear = at_hand(tmp_path, "apple"), at_hand(tmp_path, "pear")
    pins = (Pin("apple", "1.0", (f"sha256:{apple.sha256}",)), Pin("pear", "1.0", (f"sha256:{'0' * 64}",)))
    (text,) = unpinned(made(pins, Head()), (apple, pear))
    assert text.startswith("built here from source distributions: pear 1.0 (tests==1); the lock does not pin")
    assert "apple" not in text


def test_nothing_is_told_of_wheels_alone(tmp_path: Path) -> None:
    """Nor where nothing is needed."""
    apple = at_hand(tmp_path, "apple")
    assert unpinned(made((Pin("apple", "1.0", (f"sha256:{apple.sha256}",)),), Head()), (apple,)) == ()
    assert unpinned(made((), Head()), ()) == ()


def test_a_function_that_needs_nothing_is_built_without_what_reads_requirements(tmp_path: Path) -> None:
    """Neither its command nor its lock imports packaging, pathspec or optparse: a third of its time."""
    (tmp_path / "main.py").write_text("def handler(): ...\n")
    code = f"""
import sys
from pathlib import Path
from ovenbird.document import Function
from ovenbird_builder.commands import build
from ovenbird_builder.locking.lockfile import lock_nothing
from ovenbird_builder.locking.platforms import assume_interpreter
from ovenbird_builder.locking.requirements import collect
from ovenbird_builder.sources import fetch
from ovenbird_builder.network import Network
function = Function(root=Path({str(tmp_path)!r}), name="f", handler="handler", source="main.py")
tree = fetch(function, Path({str(tmp_path / "into")!r}), environ={{}}, network=Network())
wanted = collect(function, tree.path)
assert lock_nothing(wanted, assume_interpreter("3.12", "linux/amd64", "glibc 2.36"), "pip-tools").pins == ()
print(sorted(set(sys.modules) & {{"packaging", "pathspec", "optparse", "ovenbird_builder.locking.lock"}}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
