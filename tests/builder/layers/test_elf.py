"""Dropping debug sections from real libraries."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import httptools.parser.parser
import pytest
import uvloop.loop

from ovenbird_builder.layers import elf


@pytest.mark.parametrize("library", [uvloop.loop.__file__, httptools.parser.parser.__file__])
def test_a_stripped_library_is_smaller_and_works(tmp_path: Path, library: str) -> None:
    """Loaded bytes are unchanged, and the package works with it; a second strip saves nothing."""
    package = Path(library)
    while package.parent.name != "site-packages":
        package = package.parent
    shutil.copytree(package, tmp_path / package.name)
    path = tmp_path / package.name / Path(library).relative_to(package)
    before = path.read_bytes()
    saved = elf.strip_file(path)
    after = path.read_bytes()
    assert saved == len(before) - len(after)
    assert after[64:4096] == before[64:4096]
    assert elf.strip_file(path) == 0
    code = {
        "uvloop": "import asyncio, uvloop; print(uvloop.__file__, uvloop.run(asyncio.sleep(0.01, 7)))",
        "httptools": "import httptools as h; print(h.__file__, len(h.parse_url(b'http://a-host/b').host) + 1)",
    }[package.name]
    process = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    location, answer = process.stdout.split()
    assert (location.startswith(str(tmp_path)), answer) == (True, "7")


@pytest.mark.parametrize("content", [b"", b"text", b"\x7fELF\x01\x01", b"\x7fELF\x02\x02"])
def test_other_files_are_unchanged(content: bytes) -> None:
    """Another kind of file, another word size, another byte order."""
    assert elf.strip_symbols(content) == content


def test_a_wrong_header_leaves_the_file_unchanged() -> None:
    """A library cut short is left as it is found, or refused; never a part of it written."""
    data = Path(uvloop.loop.__file__).read_bytes()
    assert elf.strip_symbols(data[:5000]) == data[:5000]


def test_an_appendix_stays() -> None:
    """What a program has put behind its sections, as an archive, is not the library's to lose."""
    data = Path(uvloop.loop.__file__).read_bytes() + b"PK" * 20
    assert elf.strip_symbols(data) == data
