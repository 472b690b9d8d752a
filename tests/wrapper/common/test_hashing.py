from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ovenbird.common.hashing import (
    checksum_file,
    digest_bytes,
    digest_file,
    digest_text,
    hash_bytes,
    hash_file,
    hash_text,
    new_md5,
)

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_forms_of_one_digest() -> None:
    """Bytes, text and files of the same content have the same SHA-256, with `sha256:` before it as a digest."""
    assert hash_bytes(b"abc") == hash_text("abc") == ABC
    assert digest_bytes(b"abc") == digest_text("abc") == f"sha256:{ABC}"
    assert hash_bytes(b"") == EMPTY
    assert hash_text("ü") == hashlib.sha256("ü".encode()).hexdigest()


def test_a_text_that_is_no_text_is_no_other_text() -> None:
    """Lone surrogates have no UTF-8: nothing takes their place."""
    with pytest.raises(UnicodeEncodeError):
        hash_text("\udc80")


@pytest.mark.parametrize(
    "size", [0, 1, 16 * 1024, 16 * 1024 + 1, 1024 * 1024, 2 * 1024 * 1024 + 7], ids=lambda size: f"{size}-bytes"
)
def test_files_of_any_size(tmp_path: Path, size: int) -> None:
    """A file is read to its end, whatever its size is to the block; the progress counts each byte once."""
    content = bytes(range(251)) * (size // 251 + 1)
    (tmp_path / "a").write_bytes(content[:size])
    counts: list[int] = []
    assert hash_file(tmp_path / "a", counts.append) == hash_bytes(content[:size])
    assert sum(counts) == size
    assert digest_file(tmp_path / "a") == digest_bytes(content[:size])
    assert checksum_file(tmp_path / "a") == f"md5:{hashlib.md5(content[:size]).hexdigest()}"


def test_files_whose_size_is_not_known() -> None:
    """Files of /proc say that they are empty and are not."""
    assert hash_file(Path("/proc/self/status")) != EMPTY


def test_md5_is_a_checksum() -> None:
    """MD5 is requested as a checksum and not for security, so that a FIPS build of OpenSSL has it."""
    total = new_md5()
    total.update(b"abc")
    assert total.hexdigest() == "900150983cd24fb0d6963f7d28e17f72"


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    """A missing file raises the error of the system."""
    with pytest.raises(FileNotFoundError):
        hash_file(tmp_path / "none")
