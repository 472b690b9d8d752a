"""Take a body as it comes and answer its size and checksum."""

import asyncio
import zlib

from starlette.requests import Request


async def handler(request: Request) -> dict[str, int]:
    await asyncio.sleep(0.5)  # the client is ahead: what is read too early would have to be held in memory
    size = checksum = 0
    async for piece in request.stream():
        size += len(piece)
        checksum = zlib.crc32(piece, checksum)
    return {"size": size, "checksum": checksum}
