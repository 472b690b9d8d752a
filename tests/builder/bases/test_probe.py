"""Probing the Python of real images."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.engine import AVAILABLE

from ovenbird_builder.bases.probe import inspect_stored, probe_python
from ovenbird_builder.errors import IncompatibleBaseError
from ovenbird_builder.host import process

Make = Callable[..., str]


@pytest.mark.parametrize("version", AVAILABLE)
@pytest.mark.timeout(300)
def test_a_probe_reads_version_abi_and_paths(standins: dict[str, str], tmp_path: Path, version: str) -> None:
    """Version, ABI, C library, and where things are installed: on Debian's own Python another place than on pyenv's."""
    interpreter = probe_python(standins[version], cache=tmp_path, version=version)
    assert interpreter.minor == version
    assert interpreter.soabi.startswith(f"cpython-{version.replace('.', '')}-")
    assert interpreter.libc.startswith("glibc 2.")
    assert interpreter.executable.endswith(f"python{version}")
    assert interpreter.purelib in interpreter.path
    assert interpreter.scripts == "/usr/local/bin"
    assert len(bytes.fromhex(interpreter.magic)) == 4
    assert "pip" in interpreter.distributions
    assert (interpreter.runtime, interpreter.user) == ("", "")


def test_a_probe_is_cached_by_digest(standins: dict[str, str], image: Make, tmp_path: Path) -> None:
    """The result is cached by the digest of the image; a damaged entry is probed again."""
    name = image(f"FROM {standins['3.11']}\nUSER 5:6\n")
    first = probe_python(name, cache=tmp_path)
    entry = next((tmp_path / "probes").iterdir())
    answer = json.loads(entry.read_text())
    entry.write_text(json.dumps(answer | {"runtime": "kept"}))
    assert probe_python(name, cache=tmp_path).runtime == "kept"
    entry.write_text("{")
    assert probe_python(name, cache=tmp_path) == first
    assert first.user == "5:6"
    assert [path.name for path in (tmp_path / "probes").iterdir()] == [entry.name]
    process_left = process.run(["buildah", "containers", "--json"]).stdout
    assert inspect_stored(name).id not in process_left


def test_an_image_without_python(image: Make, tmp_path: Path) -> None:
    """An image that has no program at all."""
    with pytest.raises(IncompatibleBaseError, match="no Python in the image 'localhost/"):
        probe_python(image("FROM scratch\nCOPY x /x\n", x=""), cache=tmp_path)


def test_another_python(standins: dict[str, str], tmp_path: Path) -> None:
    """Both versions are named."""
    with pytest.raises(IncompatibleBaseError, match=r"is 3\.11\.\d+, expected 3\.12") as caught:
        probe_python(standins["3.11"], cache=tmp_path, version="3.12")
    assert "3.11" in caught.value.hint


MUSL = """#!/bin/sh
echo '{"version": "3.12.1", "implementation": "cpython", "libc": "musl", "soabi": "cpython-312-x86_64-linux-musl"}'
"""


@pytest.mark.parametrize(("answer", "problem"), [
    (MUSL, "is built on musl"),
    ("#!/bin/sh\necho hello\n", "`python3` in the image '.*' is not Python: it printed 'hello'"),
    ('#!/bin/sh\necho \'{"version": "3.7.3"}\'\n', r"is 3\.7\.3, expected 3\.10"),
    ('#!/bin/sh\necho \'{"version": "3.11.3", "implementation": "pypy", "libc": "glibc 2"}\'\n', "is pypy"),
])  # fmt: skip
def test_a_python_that_does_not_fit(
    standins: dict[str, str], image: Make, tmp_path: Path, answer: str, problem: str
) -> None:
    """A Python on another C library, another program, an old Python, another implementation."""
    name = image(f"FROM {standins['3.11']}\nCOPY python3 /usr/local/bin/python3\n", python3=answer)
    with pytest.raises(IncompatibleBaseError, match=problem):
        probe_python(name, cache=tmp_path)


def test_another_architecture(image: Make, tmp_path: Path) -> None:
    """It is refused before anything of it is run."""
    name = image("FROM scratch\nCOPY x /x\n", "--arch=s390x", x="")
    with pytest.raises(IncompatibleBaseError, match="is for s390x, this machine is"):
        probe_python(name, cache=tmp_path)


def test_programs_that_do_not_run_here(standins: dict[str, str], image: Make, tmp_path: Path) -> None:
    """An image that claims this machine's architecture, and whose Python is no program for it."""
    name = image(
        f"FROM {standins['3.11']}\nCOPY python3 /usr/local/bin/python3\n", python3="\x7fELF\x02\x01 no program"
    )
    with pytest.raises(IncompatibleBaseError, match="do not run on this machine"):
        probe_python(name, cache=tmp_path)
