"""Decode a download with a `Content-Encoding` that was not requested: gzip and deflate."""

from __future__ import annotations

import zlib
from pathlib import Path, PurePosixPath

from .http_download import Download, DownloadError
from .text import show_value
from .units import show_size

_CHUNK = 256 * 1024
_CODINGS = {"gzip": 31, "x-gzip": 31, "deflate": 15}  # bits of the window, as zlib counts them
_GZIP_NAMES = (".gz", ".tgz", ".gzip")


def decode_answer(download: Download, path: Path, name: str) -> None:
    """Replace the downloaded file at `path` by its decoded content. `name` is the file's name in its URL.

    Errors: DownloadError for an unknown coding, a damaged one, and more than the download's limit; OSError of the disk.
    """
    for coding in _read_codings(download.answer.content_encoding, name):
        decoded = path.with_name(path.name + ".decoded")
        try:
            _decode(path, decoded, coding, download)
            decoded.replace(path)
        finally:
            decoded.unlink(missing_ok=True)


def _read_codings(header: str, name: str) -> list[str]:
    """Return the codings in the order of decoding. Errors: DownloadError for an unknown one.

    A file that is called `.gz` and is sent as `gzip` is that file: servers add the header by its name.
    """
    codings = [part.strip().lower() for part in header.split(",")]
    codings = [coding for coding in codings if coding not in ("", "identity")]
    if unknown := [coding for coding in codings if coding not in _CODINGS]:
        message = f"the server sent the Content-Encoding {show_value(unknown[0])}"
        raise DownloadError("unreachable", message, "no Content-Encoding was requested")
    if codings in (["gzip"], ["x-gzip"]) and PurePosixPath(name).suffix.lower() in _GZIP_NAMES:
        return []
    return codings[::-1]


def _decode(path: Path, target: Path, coding: str, download: Download) -> None:
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
                if written > download.limit:
                    message = f"is larger than {show_size(download.limit)} when it is unpacked"
                    raise DownloadError("unsafe", message, download.limit_hint)
                file.write(block)
        except zlib.error as error:
            raise DownloadError("unreachable", f"its Content-Encoding {coding} is damaged: {error}") from None
        if source.tell() and not unpacker.eof:
            raise DownloadError("unreachable", f"its Content-Encoding {coding} ends too early")
