"""The beginning of a file as text, unpacked where it is compressed; bounded by what is read and by what comes out."""

from __future__ import annotations

import bz2
import codecs
import lzma
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from .preview import PreviewError

if TYPE_CHECKING:
    from ovenbird.platform.storage.range_reader import RangeReader

_COMPRESSIONS = (".gz", ".gzip", ".bz2", ".xz")
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True)
class TextHead:
    """The first bytes of a file; `cut` where there are more."""

    data: bytes
    cut: bool

    @property
    def is_binary(self) -> bool:
        """Return whether this is no text: it holds NUL, or little of it is UTF-8."""
        if self.data.startswith(tuple(bom for bom, _ in _BOMS)):
            return False
        sample = self.data[:8192]
        wrong = sample.decode("utf-8", "replace").count("\N{REPLACEMENT CHARACTER}")
        return b"\0" in sample or wrong > max(2, len(sample) // 5)

    @property
    def text(self) -> str:
        """Return the text; bytes that are not of its encoding become U+FFFD, and line ends are those of Python."""
        encoding = next((name for bom, name in _BOMS if self.data.startswith(bom)), "utf-8")
        text = self.data.decode(encoding, "replace").replace("\r\n", "\n").replace("\r", "\n")
        return text.rstrip("\N{REPLACEMENT CHARACTER}") if self.cut else text

    def lines(self) -> str:
        """Return the text without its last line, where that is cut."""
        text = self.text
        return text[: text.rindex("\n") + 1] if self.cut and "\n" in text else text


def read_head(reader: RangeReader, name: str, limit: int) -> TextHead:
    """Return the first `limit` bytes of the text in a file. PreviewError: it is not compressed as its name says."""
    raw = reader.read(0, limit + 1)
    decompressor = _make_decompressor(PurePosixPath(name).suffix.lower(), raw)
    if decompressor is None:
        return TextHead(raw[:limit], len(raw) > limit)
    try:
        data = decompressor.decompress(raw, limit + 1)
    except (OSError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise PreviewError(f"it is not compressed as its name says: {error}") from error
    return TextHead(data[:limit], len(data) > limit or len(raw) > limit)


def strip_compression(name: str) -> str:
    """Return a name without the end of a compression that is unpacked: `a.csv` for `a.csv.gz`."""
    path = PurePosixPath(name)
    return str(path.with_suffix("")) if path.suffix.lower() in _COMPRESSIONS else name


def _make_decompressor(suffix: str, raw: bytes) -> Any:
    """Return what unpacks the bytes; None where they are not packed: a server may have undone it."""
    if suffix in (".gz", ".gzip") and raw.startswith(b"\x1f\x8b"):
        return zlib.decompressobj(wbits=31)
    if suffix == ".bz2" and raw.startswith(b"BZh"):
        return bz2.BZ2Decompressor()
    if suffix == ".xz" and raw.startswith(b"\xfd7zXZ"):
        return lzma.LZMADecompressor(memlimit=128 * 1024 * 1024)
    return None
