"""Decode the body of a request by its `Content-Encoding`, up to the limit of the body.

gzip and deflate are always supported; zstd and br if a decoder is installed.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import Any

from ...common.text import show_value
from ..problem_details import HttpProblem

_PIECE = 64 * 1024  # bytes that are read, and decoded, in one step
_SMALL_PIECE = 4 * 1024  # bytes that are read in one step if streams may follow each other
_MAX_MEMBERS = 10_000  # streams in one body
_DENSE_PIECE = 256  # bytes in one step for a decoder without an output limit: a few bytes may expand to many
_MAX_CODINGS = 4  # applied one after another
_WINDOW = 8 * 1024 * 1024  # bytes of a zstd window, the maximum for HTTP (RFC 9659)
Decoder = Callable[[bytes, int], bytes]


class TooLargeError(Exception):
    """The decoded body is over its limit."""


def decode(body: bytes, header: str, limit: int) -> bytes:
    """Return the decoded body. The last coding of the header is decoded first.

    Errors: HttpProblem 415 for an unsupported coding, 400 for data that is damaged or cut off, 413 over `limit` bytes.
    """
    codings = [word for part in header.split(",") if (word := part.strip().lower()) not in ("", "identity")]
    if len(codings) > _MAX_CODINGS:
        raise _unknown_coding_error(header)
    for coding in reversed(codings):
        decoder = _find_decoder(coding)
        if decoder is None:
            raise _unknown_coding_error(coding)
        try:
            body = decoder(body, limit)
        except TooLargeError:
            detail = f"the body is over the limit of {limit} bytes once it is decoded"
            raise HttpProblem(413, detail, limit=limit) from None
        except MemoryError:
            raise
        except Exception:  # each decoder has its own error classes
            raise HttpProblem(400, f"the body is not what its content encoding {coding} says, or is cut off") from None
    return body


def list_codings() -> list[str]:
    """Return the supported codings."""
    return [coding for coding in ("gzip", "deflate", "zstd", "br") if _find_decoder(coding) is not None]


def _unknown_coding_error(coding: str) -> HttpProblem:
    names = ", ".join(list_codings())
    return HttpProblem(
        415,
        f"the content encoding {show_value(coding)} is not supported; send {names} or none",
        headers=((b"accept-encoding", names.encode()),),
    )


@cache
def _find_decoder(coding: str) -> Decoder | None:
    """Return the decoder of a coding; None if it is not supported."""
    if coding in ("gzip", "x-gzip"):
        return _gunzip
    if coding == "deflate":
        return _inflate
    if coding == "zstd":
        return _load_zstd()
    return _load_brotli() if coding == "br" else None


def _gunzip(body: bytes, limit: int) -> bytes:
    """Decode gzip with one or more members. Zeros after a member are padding, as in gzip itself."""
    return _decode_concatenated(body, lambda: zlib.decompressobj(31), limit, padding=b"\0")


def _decode_concatenated(body: bytes, open_stream: Callable[[], Any], limit: int, padding: bytes = b"") -> bytes:
    """Decode concatenated streams. Errors: TooLargeError; ValueError if one is cut off, or if there are too many.

    The pieces are small, because the bytes after the end of a stream are copied each time.
    """
    output, stream, members, fresh = _Output(limit), open_stream(), 0, True
    for fed in _decode_pieces(body, _SMALL_PIECE):
        piece = fed.lstrip(padding) if fresh and members and padding else fed
        while piece:
            fresh = False
            output.add(stream.decompress(piece, output.room + 1))
            piece = b""
            if stream.eof:
                piece = stream.unused_data.lstrip(padding) if padding else stream.unused_data
                stream, members, fresh = open_stream(), members + 1, True
                if members > _MAX_MEMBERS:
                    raise ValueError("too many members")
    if not fresh or not members:
        raise ValueError("cut off")
    return output.join()


def _inflate(body: bytes, limit: int) -> bytes:
    """Decode deflate: the zlib format, or raw deflate, which some clients send."""
    zlib_form = len(body) > 1 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0
    stream = zlib.decompressobj(15 if zlib_form else -15)
    decoded = _decode_bounded(stream, body, limit)
    if stream.unused_data:
        raise ValueError("data after the end")
    return decoded


def _decode_bounded(stream: Any, body: bytes, limit: int) -> bytes:
    """Decode one zlib stream to its end. Errors: TooLargeError; ValueError if it is cut off."""
    decoded = stream.decompress(body, limit + 1)
    if len(decoded) > limit:
        raise TooLargeError
    if not stream.eof:
        raise ValueError("cut off")
    return bytes(decoded)


def _load_zstd() -> Decoder | None:
    try:
        module: Any = import_module("compression.zstd")  # Python 3.14
    except ImportError:
        return _load_zstandard()

    options = {module.DecompressionParameter.window_log_max: _WINDOW.bit_length() - 1}

    def decode_zstd(body: bytes, limit: int) -> bytes:
        return _decode_concatenated(body, lambda: module.ZstdDecompressor(options=options), limit)

    return decode_zstd


def _load_zstandard() -> Decoder | None:
    try:
        module: Any = import_module("zstandard")
    except ImportError:
        return None

    def decode_zstd(body: bytes, limit: int) -> bytes:
        stream = module.ZstdDecompressor(max_window_size=_WINDOW).decompressobj(read_across_frames=False)
        output, members = _Output(limit), 1
        for piece in _decode_pieces(body, _DENSE_PIECE):
            rest = piece
            while rest:
                if stream.eof:
                    members += 1
                    if members > _MAX_MEMBERS:
                        raise ValueError("too many members")
                    stream = module.ZstdDecompressor(max_window_size=_WINDOW).decompressobj(read_across_frames=False)
                output.add(stream.decompress(rest))
                rest = stream.unused_data if stream.eof else b""
        if not stream.eof:
            raise ValueError("cut off")
        return output.join()

    return decode_zstd


def _load_brotli() -> Decoder | None:
    for name in ("brotli", "brotlicffi"):
        try:
            module: Any = import_module(name)
        except ImportError:
            continue
        if not hasattr(module.Decompressor, "can_accept_more_data"):  # older versions cannot limit their output
            continue

        def decode_br(body: bytes, limit: int, module: Any = module) -> bytes:
            stream = module.Decompressor()
            output = _Output(limit)
            for piece in _decode_pieces(body, _PIECE):
                chunk = stream.process(piece, output_buffer_limit=_PIECE)
                while chunk or not stream.can_accept_more_data():  # it may be true while there is more output
                    output.add(chunk)
                    chunk = stream.process(b"", output_buffer_limit=_PIECE)
            if not stream.is_finished():
                raise ValueError("cut off")
            return output.join()

        return decode_br
    return None


def _decode_pieces(body: bytes, size: int) -> Iterator[bytes]:
    return (body[start : start + size] for start in range(0, len(body), size))


class _Output:
    """Collects decoded pieces, at most `limit` bytes together."""

    def __init__(self, limit: int) -> None:
        self.room = limit
        self._pieces: list[bytes] = []

    def add(self, piece: bytes) -> None:
        """Append a piece. Errors: TooLargeError."""
        self.room -= len(piece)
        if self.room < 0:
            raise TooLargeError
        if piece:
            self._pieces.append(piece)

    def join(self) -> bytes:
        """Return all pieces as one."""
        return b"".join(self._pieces)
