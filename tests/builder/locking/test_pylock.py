"""`pylock.toml` is a lock already: its packages for the target become pins."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs
from tests.orchard import Bench, Orchard

from ovenbird_builder.errors import ConflictError, LockError
from ovenbird_builder.locking.lock import lock
from ovenbird_builder.locking.pylock import read_pylock
from ovenbird_builder.locking.requirements import Requirements
from ovenbird_builder.locking.wheel_fetch import fetch_wheels

_SEEN = {
    "python_full_version": "3.11.2", "python_version": "3.11", "platform_machine": "x86_64", "sys_platform": "linux",
    "os_name": "posix", "implementation_name": "cpython", "implementation_version": "3.11.2", "platform_release": "",
    "platform_system": "Linux", "platform_version": "", "platform_python_implementation": "CPython", "extra": "",
}  # fmt: skip


def format_package(name: str, *lines: str, sha256: str = "a" * 64) -> str:
    return "\n".join([
        "[[packages]]", f'name = "{name}"', 'version = "1.0"', *lines,
        f'wheels = [{{name = "x", url = "https://h/x.whl", hashes = {{sha256 = "{sha256}"}}}}]', "",
    ])  # fmt: skip


def write_pylock(folder: Path, *parts: str) -> Path:
    path = folder / "pylock.toml"
    path.write_text('lock-version = "1.0"\n' + "\n".join(parts))
    return path


def test_packages_of_the_target_become_pins(tmp_path: Path) -> None:
    """Markers decide, of the default groups too."""
    path = write_pylock(
        tmp_path,
        'default-groups = ["main"]',
        format_package("Apple_Tree"),
        format_package("away", "marker = \"platform_machine == 'aarch64'\""),
        format_package("grouped", "marker = \"'main' in dependency_groups\""),
        format_package("other", "marker = \"'dev' in dependency_groups\""),
    )
    assert [(pin.name, pin.version) for pin in read_pylock(path, _SEEN)] == [("apple-tree", "1.0"), ("grouped", "1.0")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('lock-version = "2.0"\n', "`lock-version` '2.0' is not known"),
        ('lock-version = "1.0"\nrequires-python = ">=3.12"\n', "is for Python >=3.12"),
        ('lock-version = "1.0"\n[[packages]]\nname = "a"\nvcs = {type = "git"}\n', "given as vcs is not supported"),
        ('lock-version = "1.0"\n[[packages]]\nname = "a"\nversion = "1"\n', "wheels or an sdist"),
        ('lock-version = "1.0"\n' + format_package("a", sha256="short"), "without its SHA-256"),
        ('lock-version = "1.0"\n' + format_package("a") + format_package("a"), "is there twice"),
        ('lock-version = "1.0"\n' + format_package("a", 'marker = "nonsense"'), "cannot be read"),
        ("lock-version", "not valid TOML"),
    ],
)
def test_unusable_entries_are_reported(tmp_path: Path, text: str, words: str) -> None:
    """With the place in the file."""
    (tmp_path / "pylock.toml").write_text(text)
    with pytest.raises(LockError, match=words):
        read_pylock(tmp_path / "pylock.toml", _SEEN)


def test_it_gives_a_lock_and_wheels_without_resolving(bench: Bench, orchard: Orchard, tmp_path: Path) -> None:
    """Pins, text and wheels, with the hashes verified; the runtime's ranges hold for it too."""
    from ovenbird.common.hashing import hash_file

    path = write_pylock(
        tmp_path, format_package("banana", sha256=hash_file(orchard.packages / "banana-1.0-py3-none-any.whl"))
    )
    requirements = Requirements(root=tmp_path, used="pylock.toml", pylock=path)
    context = bench.context(cache=bench.make_cache(tmp_path / "cache"))
    result = lock(requirements, structs.replace(context, image="localhost/none/such:1"))
    assert "# locker: pylock.toml, taken as it is" in result.text
    assert [wheel.filename for wheel in fetch_wheels(result, context)] == ["banana-1.0-py3-none-any.whl"]
    low = format_package("starlette").replace('"1.0"', '"0.20"')
    requirements = structs.replace(requirements, pylock=write_pylock(tmp_path, low))
    with pytest.raises(ConflictError, match=r"starlette==0.20 in pylock.toml is not within the runtime's"):
        lock(requirements, context)


def test_the_project_itself_is_no_package(tmp_path: Path) -> None:
    """uv and PDM list the project as a directory: it is the source. Other directories are reported."""
    itself = '[[packages]]\nname = "app"\ndirectory = {path = ".", editable = true}\n'
    assert [pin.name for pin in read_pylock(write_pylock(tmp_path, itself, format_package("apple")), _SEEN)] == [
        "apple"
    ]
    with pytest.raises(LockError, match="given as directory is not supported"):
        read_pylock(write_pylock(tmp_path, itself.replace('"."', '"libs/x"')), _SEEN)
