"""A zip that is not trusted is refused for what is wrong with it, in bounded memory, and before it does harm."""

from __future__ import annotations

import bz2
import stat
import subprocess
import sys
import textwrap
import zlib
from pathlib import Path

import pytest
from tests import hostile_zips
from tests.hostile_zips import BZIP2, DAMAGED, DEFLATED, LZMA, STORED, UNSAFE, Member, build

from ovenbird.common.archive_checks import ArchiveError, ArchiveLimits
from ovenbird.common.zip_extract import extract_zip

LIMITS = ArchiveLimits(1024**3, 1000)


def unpack(content: bytes, folder: Path, limits: ArchiveLimits = LIMITS) -> list[str]:
    (folder / "a.zip").write_bytes(content)
    return extract_zip(folder / "a.zip", folder / "out", limits)


@pytest.mark.parametrize("method", [STORED, DEFLATED, BZIP2, LZMA])
def test_each_method_is_unpacked(method: int, tmp_path: Path) -> None:
    """Every method that Python knows, larger than a block, with modes and links."""
    content = bytes(range(256)) * 5000
    members = [
        Member(content=content, method=method, mode=stat.S_IFREG | 0o755),
        Member(name=b"pkg/", content=b"", method=STORED, mode=stat.S_IFDIR | 0o755),
        Member(name=b"pkg/empty", content=b"", method=method),
        Member(name=b"pkg/link", content=b"../mod.py", method=method, mode=stat.S_IFLNK | 0o777),
    ]
    assert unpack(build(*members), tmp_path) == ["pkg/link"]
    out = tmp_path / "out"
    assert (out / "pkg" / "link").read_bytes() == content
    assert (out / "mod.py").stat().st_mode & 0o777 == 0o755
    assert (out / "pkg" / "empty").read_bytes() == b""


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_zip(name: str, tmp_path: Path) -> None:
    """Any damage is reported as a damaged zip."""
    content, words = DAMAGED[name]
    with pytest.raises(ArchiveError, match=words):
        unpack(content, tmp_path)


@pytest.mark.parametrize("name", UNSAFE)
def test_an_unsafe_zip(name: str, tmp_path: Path) -> None:
    """An unsafe zip is refused before any of its files is written; only a link's target is read first."""
    content, words = UNSAFE[name]
    with pytest.raises(ArchiveError, match=words) as caught:
        unpack(content, tmp_path)
    assert caught.value.unsafe
    assert len(caught.value.message) < 600
    assert list((tmp_path / "out").rglob("*")) == []


def test_the_number_of_members_is_limited(tmp_path: Path) -> None:
    """Folders count as well."""
    members = [Member(name=b"%d/" % number, content=b"") for number in range(11)]
    with pytest.raises(ArchiveError, match=r"has 11 members, more than 10"):
        unpack(build(*members), tmp_path, ArchiveLimits(1000, 10))


@pytest.mark.slow
@pytest.mark.parametrize("method", [BZIP2, LZMA, DEFLATED])
def test_a_member_that_hides_its_size_takes_no_memory(method: int, tmp_path: Path) -> None:
    """A bomb that announces 100 bytes is refused as damaged, within 400 MB of addresses."""
    zeros = bytes(1 << 20)
    if method == BZIP2:
        packer = bz2.BZ2Compressor()
        packed = b"".join(packer.compress(zeros) for _ in range(300)) + packer.flush()
    elif method == DEFLATED:
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = b"".join(deflate.compress(zeros) for _ in range(450)) + deflate.flush()
    else:
        packed = hostile_zips.pack(bytes(100 << 20), LZMA)
    (tmp_path / "a.zip").write_bytes(build(Member(packed=packed, method=method, size=100)))
    program = """
        import resource
        from pathlib import Path
        from ovenbird.common.archive_checks import ArchiveError, ArchiveLimits
        from ovenbird.common.zip_extract import extract_zip
        resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20))
        try:
            extract_zip(Path("a.zip"), Path("out"), ArchiveLimits(1 << 30, 10))
        except ArchiveError as error:
            print(error.message)
    """
    process = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "damaged" in process.stdout
    assert "MemoryError" not in process.stdout
