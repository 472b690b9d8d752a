"""Check the sizes in a git pack before dulwich reads it: a few bytes of zlib data can expand to gigabytes.

dulwich unpacks each object in memory to compute its name.
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
_NAME = 20  # bytes of the object name of a delta's base
_VARINT = 10  # bytes of a variable-length number, at most


def check_pack(file: IO[bytes], limit: int) -> None:
    """Raise LoadError if an object of the pack is larger than `limit` bytes, or larger than it announces.

    The file is read from its beginning, in constant memory; afterwards its position is the end. An empty file is valid.
    """
    if not file.tell():  # no object was requested
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
            raise _too_large_error(size, limit)
    if kind == _OFS_DELTA:
        while file.read(1)[0] & 0x80:
            pass
    elif kind == _REF_DELTA:
        file.seek(_NAME, os.SEEK_CUR)
    if size > limit:
        raise _too_large_error(size, limit)
    start = _skip_zlib(file, size)
    if kind in (_OFS_DELTA, _REF_DELTA) and (result := _result_size(start)) > limit:
        raise _too_large_error(result, limit)


def _skip_zlib(file: IO[bytes], size: int) -> bytes:
    """Skip zlib data, and return its first bytes unpacked. Errors: LoadError if it has more than `size` bytes."""
    unpacker, unpacked, start = zlib.decompressobj(), 0, b""
    while not unpacker.eof:
        packed = unpacker.unconsumed_tail or file.read(_BLOCK)
        if not packed:
            raise zlib.error("it ends too early")
        data = unpacker.decompress(packed, _BLOCK)
        unpacked += len(data)
        start = start or data[: 2 * _VARINT]
        if unpacked > size:
            raise LoadError("its server sends a damaged pack: an object is larger than announced")
    file.seek(-len(unpacker.unused_data), os.SEEK_CUR)
    return start


def _result_size(delta: bytes) -> int:
    """Return the size of the object that a delta produces: the second of the two numbers at its start."""
    numbers: list[int] = []
    position = 0
    while len(numbers) < 2:
        value = shift = 0
        while True:
            byte = delta[position]
            position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        numbers.append(value)
    return numbers[1]


def _too_large_error(size: int, limit: int) -> LoadError:
    text = f"it holds an object of {show_size(size)}, more than {show_size(limit)}"
    return LoadError(text, hint=f"`{SIZE}` says how much")
