"""Answer 256 MiB from an async generator."""

from collections.abc import AsyncIterator

PIECE = bytes(range(256)) * 256


async def handler() -> AsyncIterator[bytes]:
    for _ in range(4096):
        yield PIECE
