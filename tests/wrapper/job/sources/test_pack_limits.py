"""A pack is refused by the sizes of its objects, before any of them is held in memory."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from tests.gitserver import Repository, git

from ovenbird.errors import LoadError
from ovenbird.job.sources.pack_limits import check_pack

LIMIT = 1 << 20
_BLOB, _OFS_DELTA, _REF_DELTA = 3, 6, 7


def varint(value: int) -> bytes:
    encoded = b""
    while value > 0x7F:
        encoded += bytes([value & 0x7F | 0x80])
        value >>= 7
    return encoded + bytes([value])


def entry(kind: int, content: bytes, size: int | None = None, base: bytes = b"") -> bytes:
    size = len(content) if size is None else size
    head, rest = kind << 4 | size & 15, size >> 4
    start = bytes([head | 0x80]) + varint(rest) if rest else bytes([head])
    return start + base + zlib.compress(content)


def pack(*entries: bytes) -> io.BytesIO:
    return at_end(struct.pack(">4sII", b"PACK", 2, len(entries)) + b"".join(entries) + b"\0" * 20)


def at_end(content: bytes) -> io.BytesIO:
    """A file that stands at its end, as after it was written."""
    file = io.BytesIO()
    file.write(content)
    return file


def delta(result: int) -> bytes:
    return varint(5) + varint(result) + b"\x90\x05"


@pytest.mark.slow
def test_a_pack_of_git_fits(tmp_path: Path) -> None:
    """With deltas of both forms, and the file stands at its end."""
    repository = Repository(tmp_path / "r")
    for number in range(20):
        repository.commit(main_py="x = 1\n" * 200 + str(number))
    git(repository.folder, "gc", "-q")
    (path,) = (repository.folder / ".git/objects/pack").glob("*.pack")
    for flags in ([], ["--delta-base-offset"]):
        names = git(repository.folder, "rev-list", "--objects", "--all")
        command = ["git", "pack-objects", "--stdout", "-q", *flags]
        process = subprocess.run(command, cwd=repository.folder, input=names.encode(), capture_output=True, check=True)
        for content in (path.read_bytes(), process.stdout):
            file = at_end(content)
            check_pack(file, LIMIT)
            assert file.tell() == len(content)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (pack(entry(_BLOB, b"x", 1 << 40)), "an object of 1024.0 GiB, more than 1.0 MiB"),
        (pack(entry(_BLOB, b"x", (1 << 80) - 1)), "more than 1.0 MiB"),
        (pack(entry(_BLOB, bytes(2 * LIMIT), 100)), "larger than announced"),
        (pack(entry(_BLOB, b"x"), entry(_OFS_DELTA, delta(1 << 40), base=b"\x0c")), "an object of 1024.0 GiB"),
        (pack(entry(_REF_DELTA, delta(1 << 40), base=b"n" * 20)), "an object of 1024.0 GiB"),
        (pack(entry(_REF_DELTA, b"", base=b"n" * 20)), "damaged pack"),
        (pack(entry(_REF_DELTA, b"\xff" * 20, base=b"n" * 20)), "damaged pack"),
        (pack(entry(_BLOB, b"x")[:-3]), "damaged pack"),
        (at_end(b"PACK\0\0\0\2\0\0\0\5"), "damaged pack"),
        (at_end(b"PACK"), "damaged pack"),
        (at_end(b"NACK" + b"\0" * 8), "sends no pack"),
    ],
)
def test_a_pack_that_is_too_much_or_damaged(file: io.BytesIO, words: str) -> None:
    """Objects and what deltas make of them; what lies about its size, and what breaks off."""
    with pytest.raises(LoadError, match=words):
        check_pack(file, LIMIT)


@pytest.mark.slow
def test_it_takes_no_memory(tmp_path: Path) -> None:
    """An object of 400 MiB of zeros is passed within 200 MiB of addresses more than Python's own."""
    packer = zlib.compressobj()
    zeros = bytes(1 << 20)
    body = b"".join(packer.compress(zeros) for _ in range(400)) + packer.flush()
    size = 400 << 20
    head = bytes([_BLOB << 4 | size & 15 | 0x80]) + varint(size >> 4)
    (tmp_path / "pack").write_bytes(struct.pack(">4sII", b"PACK", 2, 1) + head + body)
    program = (
        "import resource, sys; from ovenbird.job.sources.pack_limits import check_pack\n"
        "resource.setrlimit(resource.RLIMIT_AS, (300 << 20, 300 << 20))\n"
        "file = open(sys.argv[1], 'rb'); file.seek(0, 2); check_pack(file, 1 << 30)"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path / "pack"], check=True)
