"""The sizes in a git pack, looked at before anything of it is unpacked: a few bytes of zlib can be gigabytes.

dulwich unpacks each object whole, in memory, to find out its name.
"""

from __future__ import annotations

import os
import struct
import zlib
from typing import IO

from ...common.source_limits import SIZE
from ...common.units import show_size
from ...errors import LoadError

_BLOCK = 64 * 1024
_OFS_DELTA, _REF_DELTA = 6, 7
_NAME = 20  # bytes of the name of a delta's base
_VARINT = 10  # bytes of a number at most


def check_pack(file: IO[bytes], limit: int) -> None:
    """Raise LoadError when an object of the pack is larger than `limit` bytes, or its sizes do not hold.

    The file is read from its beginning, in constant memory, and stands at its end afterwards. An empty one is no pack.
    """
    if not file.tell():  # nothing was wanted
        return
    file.seek(0)
    try:
        sign, _, count = struct.unpack(">4sII", file.read(12))
        if sign != b"PACK":
            raise LoadError("its server sends no pack")
        for _ in range(count):
            _check_object(file, limit)
    except (struct.error, IndexError, zlib.error) as error:
        raise LoadError(f"its server sends a damaged pack: {error}") from None
    file.seek(0, os.SEEK_END)


def _check_object(file: IO[bytes], limit: int) -> None:
    byte = file.read(1)[0]
    kind, size, shift = byte >> 4 & 7, byte & 15, 4
    while byte & 0x80:
        byte = file.read(1)[0]
        size |= (byte & 0x7F) << shift
        shift += 7
        if shift > 7 * _VARINT:
            raise _too_large(size, limit)
    if kind == _OFS_DELTA:
        while file.read(1)[0] & 0x80:
            pass
    elif kind == _REF_DELTA:
        file.seek(_NAME, os.SEEK_CUR)
    if size > limit:
        raise _too_large(size, limit)
    start = _skip_zlib(file, size)
    if kind in (_OFS_DELTA, _REF_DELTA) and (result := _result_size(start)) > limit:
        raise _too_large(result, limit)


def _skip_zlib(file: IO[bytes], size: int) -> bytes:
    """Read past what is packed; its first bytes. Errors: LoadError when it unpacks to more than `size` bytes."""
    unpacker, seen, start = zlib.decompressobj(), 0, b""
    while not unpacker.eof:
        packed = unpacker.unconsumed_tail or file.read(_BLOCK)
        if not packed:
            raise zlib.error("it ends too early")
        data = unpacker.decompress(packed, _BLOCK)
        seen += len(data)
        start = start or data[: 2 * _VARINT]
        if seen > size:
            raise LoadError("its server sends a damaged pack: an object is larger than announced")
    file.seek(-len(unpacker.unused_data), os.SEEK_CUR)
    return start


def _result_size(delta: bytes) -> int:
    """Return the size of what a delta makes: the second of the two numbers that it begins with."""
    numbers: list[int] = []
    place = 0
    while len(numbers) < 2:
        value = shift = 0
        while True:
            byte = delta[place]
            place += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        numbers.append(value)
    return numbers[1]


def _too_large(size: int, limit: int) -> LoadError:
    text = f"it holds an object of {show_size(size)}, more than {show_size(limit)}"
    return LoadError(text, hint=f"{SIZE} says how much")
