"""The hash of a source is that which the Python with the magic number writes, whatever Python computes it."""

from __future__ import annotations

import importlib.util

import pytest

from ovenbird_builder.layers import source_hash
from ovenbird_builder.layers.source_hash import hash_source

OLD = bytes.fromhex("6f0d0d0a")  # 3.10
NEW = bytes.fromhex("a70d0d0a")  # 3.11
HUNDRED = bytes(range(100))


@pytest.mark.parametrize(
    ("data", "magic", "expected"),
    [
        (b"x = 1\n", OLD, "d94aade28c8cbebf"),
        (HUNDRED, OLD, "fa7f0221eaf1a81c"),
        (b"x = 1\n", NEW, "4c0372aa93f75252"),
    ],
    ids=["line-3.10", "bytes-3.10", "line-3.11"],
)
def test_the_hash_is_that_of_the_target(data: bytes, magic: bytes, expected: str) -> None:
    """The results of `importlib.util.source_hash` of 3.10 and 3.11, which differ."""
    assert hash_source(data, magic).hex() == expected


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 100, 1001])
def test_the_python_version_equals_that_of_the_interpreter(length: int) -> None:
    """For each rest of a division by eight, under this Python's own key."""
    data, magic = (HUNDRED * 11)[:length], importlib.util.MAGIC_NUMBER
    own = source_hash._compute_siphash(int.from_bytes(magic, "little"), data, *source_hash._choose_rounds(magic))
    assert own.to_bytes(8, "little") == importlib.util.source_hash(data)
