"""Multipart bodies with a preamble, and files of forms on a disk that is full."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path

import pytest
from starlette.formparsers import MultiPartException
from tests.disks import disk
from tests.service import Service

from ovenbird.serve.request.multipart import skip_preamble

SOURCE = """
from starlette.datastructures import UploadFile

def handler(file: UploadFile) -> int:
    return file.size
"""


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MiB, for files that are sent."""
    with disk(tmp_path / "full", "2m") as folder:
        yield folder


def test_a_file_that_does_not_fit_is_no_fault_of_the_handler(serve: Callable[..., Service], full: Path) -> None:
    """The client may try again, the log names the folder, and smaller files are taken afterwards."""
    service = serve(SOURCE, TMPDIR=str(full))
    answer = service.post(files={"file": ("a.bin", b"x" * 5_000_000)})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "there is no room for the files of the form" in answer.json()["detail"]
    service.wait_log(f"a file of a form cannot be kept in {full}: No space left on device")
    assert service.post(files={"file": ("b.bin", b"x" * 1_500_000)}).json() == 1_500_000
    assert not [record for record in service.records if "raised" in record["message"]]


def skip(body: bytes, size: int, boundary: bytes = b"b") -> bytes:
    """Return what is left of a body that arrives in pieces of `size` bytes."""

    async def send() -> AsyncGenerator[bytes, None]:
        for start in range(0, len(body), size):
            yield body[start : start + size]
        yield b""

    async def collect() -> bytes:
        return b"".join([part async for part in skip_preamble(send(), boundary)])

    return asyncio.run(collect())


@pytest.mark.parametrize("preamble", [b"", b"\r\n", b"text\r\n", b"--bx\r\n\n--b-\r\n", b"x--b\r\n--\r\n", b"\n\n\n"])
@pytest.mark.parametrize("rest", [b"--b\r\nhead\r\n\r\ndata\r\n--b--\r\n--b\r\n", b"--b--"])
def test_a_body_begins_at_its_first_boundary(preamble: bytes, rest: bytes) -> None:
    """However it arrives: no boundary is missed where two pieces meet, and nothing behind the first is lost."""
    whole = preamble + rest
    assert [size for size in range(1, len(whole) + 1) if skip(whole, size) != rest] == []


@pytest.mark.parametrize("body", [b"no parts here", b"--b", b"--b\r", b"--bb\r\n--b -", b"x--b\r\n--b"])
def test_a_body_without_a_boundary_is_refused(body: bytes) -> None:
    """The error shows the boundary that the header names; an empty body is an empty form."""
    for size in (1, 3, 100):
        with pytest.raises(MultiPartException, match="no line of it is the boundary 'b'"):
            skip(body, size)
    assert skip(b"", 1) == b""
