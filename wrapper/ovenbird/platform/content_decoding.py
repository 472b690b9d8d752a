"""Decode what a server has sent with a `Content-Encoding` although none was asked for: gzip and deflate."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ovenbird.common.units import show_size
from ovenbird.errors import InputError

_CHUNK = 256 * 1024
_CODINGS = {"gzip": 31, "x-gzip": 31, "deflate": 15}  # bits of the window, as zlib counts them
_GZIP_NAMES = (".gz", ".tgz", ".gzip")


def read_codings(header: str, name: str) -> list[str]:
    """Return the codings to undo, in the order in which they are undone. Errors: InputError for an unknown one.

    A file that is called `.gz` and is sent as `gzip` is that file: servers add the header by its name.
    """
    codings = [part.strip().lower() for part in header.split(",")]
    codings = [coding for coding in codings if coding not in ("", "identity")]
    if unknown := [coding for coding in codings if coding not in _CODINGS]:
        raise InputError(f"the server sent the Content-Encoding {unknown[0]!a}", hint="none was asked for")
    if codings in (["gzip"], ["x-gzip"]) and PurePosixPath(name).suffix.lower() in _GZIP_NAMES:
        return []
    return codings[::-1]


def decode_file(path: Path, codings: Sequence[str], limit: int, limit_hint: str) -> None:
    """Replace a file by what it holds, of at most `limit` bytes. Errors: InputError; OSError of the disk."""
    for coding in codings:
        decoded = path.with_name(path.name + ".decoded")
        try:
            _decode(path, decoded, coding, limit, limit_hint)
            decoded.replace(path)
        finally:
            decoded.unlink(missing_ok=True)


def _decode(path: Path, target: Path, coding: str, limit: int, limit_hint: str) -> None:
    with path.open("rb") as source, target.open("wb") as file:
        start = source.read(2)
        source.seek(0)
        bits = _CODINGS[coding]
        if coding == "deflate" and (len(start) < 2 or start[0] & 15 != 8 or int.from_bytes(start, "big") % 31):
            bits = -15  # some servers send it without zlib's frame
        unpacker, data, written = zlib.decompressobj(bits), b"", 0
        try:
            while data or (data := source.read(_CHUNK)):
                if unpacker.eof:  # a further member
                    unpacker = zlib.decompressobj(bits)
                block = unpacker.decompress(data, _CHUNK)
                data = unpacker.unconsumed_tail or unpacker.unused_data
                written += len(block)
                if written > limit:
                    raise InputError(f"is larger than {show_size(limit)} when it is unpacked", hint=limit_hint)
                file.write(block)
        except zlib.error as error:
            raise InputError(f"its Content-Encoding {coding} is damaged: {error}") from None
        if source.tell() and not unpacker.eof:
            raise InputError(f"its Content-Encoding {coding} ends too early")
