from __future__ import annotations

import os
from pathlib import Path

import pytest

from ovenbird.common.hashing import checksum_file
from ovenbird.platform.storage import file_copy


@pytest.mark.parametrize("size", [0, 1, 5_000_000])
def test_a_copy_is_equal_and_reports_its_progress(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "a").write_bytes(data)
    sizes: list[int] = []
    assert file_copy.copy_file(tmp_path / "a", tmp_path / "deep/b", sizes.append) == size == sum(sizes)
    assert (tmp_path / "deep/b").read_bytes() == data


def test_a_file_of_proc_that_has_no_size_is_copied_whole(tmp_path: Path) -> None:
    file_copy.copy_file(Path("/proc/self/status"), tmp_path / "status")
    assert (tmp_path / "status").read_text().startswith("Name:")


@pytest.mark.parametrize("step", [file_copy._copy_range, file_copy._send_range, file_copy._read_write])
def test_each_way_of_copying_copies(tmp_path: Path, step: object) -> None:
    (tmp_path / "a").write_bytes(b"abc" * 1_000_000)
    with (tmp_path / "a").open("rb") as read, (tmp_path / "b").open("wb") as write:
        while step(read.fileno(), write.fileno()):
            pass
    assert (tmp_path / "b").read_bytes() == b"abc" * 1_000_000


def test_a_file_is_hashed_while_it_is_written(tmp_path: Path) -> None:
    data = os.urandom(300_000)
    with file_copy.HashedFile(tmp_path / "a") as file:
        for start in range(0, len(data), 1000):
            assert file.write(memoryview(data)[start : start + 1000]) == 1000
    assert (tmp_path / "a").read_bytes() == data
    assert file.digest() == checksum_file(tmp_path / "a")
