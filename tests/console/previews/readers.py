"""A reader of a local file that counts what is read of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ovenbird.platform.storage.range_reader import open_range_reader


class CountingReader:
    """Reads a file, and counts the bytes."""

    def __init__(self, path: Path) -> None:
        self._reader = open_range_reader(str(path), {})
        self.size = self._reader.size
        self.count = 0

    def read(self, start: int, length: int) -> bytes:
        """Return a part, and count it."""
        block = self._reader.read(start, length)
        self.count += len(block)
        return block

    def stream(self) -> Iterator[bytes]:
        """Refuse: no preview reads a whole file."""
        raise AssertionError("a preview reads the whole file")

    def close(self) -> None:
        """Close the file."""
        self._reader.close()
