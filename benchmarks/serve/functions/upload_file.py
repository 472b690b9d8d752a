"""Take an uploaded file and answer its size and checksum, reading it in pieces."""

import zlib

from starlette.datastructures import UploadFile


async def handler(file: UploadFile) -> dict[str, int]:
    size = checksum = 0
    while piece := await file.read(65536):
        size += len(piece)
        checksum = zlib.crc32(piece, checksum)
    return {"size": size, "checksum": checksum}
