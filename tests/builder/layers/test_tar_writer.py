"""The tar of a layer: the same bytes for the same entries, however they are fed, and nothing of this machine in it."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile

import pytest
import zstandard

from ovenbird_builder.errors import LayerError
from ovenbird_builder.layers import MTIME
from ovenbird_builder.layers.tar_writer import FileOwner, TarWriter


class Slow(io.BytesIO):
    """A stream that gives a few bytes at a time."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size or 0, 777))


def write_tar(compression: str, stream: type[io.BytesIO] = io.BytesIO) -> tuple[bytes, str]:
    """Return a tar with one of each, compressed, and the digest it gives."""
    out = io.BytesIO()
    tar = TarWriter(out, compression, owners={"shared": FileOwner(8877, 0, 0o775)})
    big = bytes(range(256)) * 10000
    tar.add_file("/shared/big", len(big), stream(big))
    tar.add_file("/opt/" + "d" * 120 + "/" + "ü" * 60, 2, b"hi", executable=True)
    tar.add_link("/opt/link", "../shared/big")
    tar.add_whiteout("/usr/lib/old")
    digest = tar.close()
    return out.getvalue(), digest


def write_and_inflate(compression: str) -> tuple[bytes, str]:
    out = io.BytesIO()
    tar = TarWriter(out, compression, owners={"shared": FileOwner(8877, 0, 0o775)})
    tar.add_file("/shared/big", 3, b"abc")
    tar.add_file("/opt/" + "d" * 120 + "/" + "ü" * 60, 2, b"hi", executable=True)
    tar.add_link("/opt/link", "../shared/big")
    tar.add_whiteout("/usr/lib/old")
    digest = tar.close()
    packed = out.getvalue()
    if compression == "gzip":
        return gzip.decompress(packed), digest
    return zstandard.ZstdDecompressor().decompressobj().decompress(packed), digest


@pytest.mark.parametrize("compression", ["zstd", "gzip"])
def test_the_digest_is_that_of_the_tar(compression: str) -> None:
    """`close` returns the digest of the uncompressed tar, the diff id of the layer."""
    plain, digest = write_and_inflate(compression)
    assert digest == "sha256:" + hashlib.sha256(plain).hexdigest()


@pytest.mark.parametrize("compression", ["zstd", "gzip"])
def test_entries_hold_nothing_of_this_machine(compression: str) -> None:
    """Owner, time and mode are the layer's own; parents come once, before their entries; long names survive."""
    before = os.umask(0o077)
    try:
        plain, _ = write_and_inflate(compression)
    finally:
        os.umask(before)
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        rows = {info.name: info for info in archive}
    assert list(rows) == [
        "shared", "shared/big", "opt", "opt/" + "d" * 120, "opt/" + "d" * 120 + "/" + "ü" * 60, "opt/link",
        "usr", "usr/lib", "usr/lib/.wh.old",
    ]  # fmt: skip
    assert {info.mtime for info in rows.values()} == {MTIME}
    assert {(info.uname, info.gname) for info in rows.values()} == {("", "")}
    assert (rows["shared"].uid, rows["shared"].gid, rows["shared"].mode) == (8877, 0, 0o775)
    assert {(info.uid, info.gid) for name, info in rows.items() if name != "shared"} == {(0, 0)}
    assert rows["shared/big"].mode == 0o644
    assert rows["opt/" + "d" * 120 + "/" + "ü" * 60].mode == 0o755
    assert rows["opt/link"].linkname == "../shared/big"


@pytest.mark.parametrize("compression", ["zstd", "gzip"])
def test_bytes_do_not_depend_on_the_chunks_of_the_content(compression: str) -> None:
    """A stream that gives little at a time makes the same compressed bytes."""
    assert write_tar(compression) == write_tar(compression, Slow)


def test_a_file_that_changes_while_it_is_read_is_an_error() -> None:
    """A file shorter or longer than announced would shift all that follows."""
    for content in (b"ab", b"abcd"):
        with pytest.raises(LayerError, match="than it was"):
            TarWriter(io.BytesIO(), "zstd").add_file("/a", 3, io.BytesIO(content))


@pytest.mark.parametrize("path", ["/a/../b", "../b", "/a//b", "/a/./b", "/a\0b"])
def test_a_path_out_of_the_image_is_refused(path: str) -> None:
    """No entry can be written outside of the image."""
    with pytest.raises(LayerError, match="not a path in an image"):
        TarWriter(io.BytesIO(), "zstd").add_file(path, 0, b"")


def test_a_path_twice_is_refused() -> None:
    """Two entries of one name would leave it to the reader which one counts."""
    tar = TarWriter(io.BytesIO(), "zstd")
    tar.add_file("/a", 0, b"")
    with pytest.raises(LayerError, match="twice"):
        tar.add_link("/a", "b")
