"""Answer 256 MiB from a generator."""

from collections.abc import Iterator

PIECE = bytes(range(256)) * 256


def handler() -> Iterator[bytes]:
    for _ in range(4096):
        yield PIECE
