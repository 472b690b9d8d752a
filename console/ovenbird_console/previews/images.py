"""Images that a browser may show: of four formats by their first bytes, with bounded bytes and pixels."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from ovenbird.common.units import show_size

from .preview import ImagePreview, NoPreview

if TYPE_CHECKING:
    from ovenbird.platform.storage.range_reader import RangeReader

LARGEST = 20 * 1024 * 1024  # bytes that a page loads by itself
MOST_PIXELS = 40_000_000  # a browser takes four bytes for each
_HEAD = 256 * 1024
_SIGNATURES = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))
_ENDS = {"image/png": b"IEND\xaeB`\x82", "image/jpeg": b"\xff\xd9", "image/gif": b";"}


def detect_image(head: bytes) -> str:
    """Return the media type of an image by its first bytes; empty text for anything else, SVG too."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((media_type for signature, media_type in _SIGNATURES if head.startswith(signature)), "")


def preview_image(reader: RangeReader, media_type: str) -> ImagePreview | NoPreview:
    """Return an image that is safe to show, or why it is not shown."""
    head = reader.read(0, _HEAD)
    size = measure_image(head)
    if reader.size is not None and reader.size > LARGEST:
        return NoPreview(f"an image of {show_size(reader.size)}; up to {show_size(LARGEST)} are shown")
    if size is None:
        return NoPreview("a damaged image: its size cannot be read")
    if size[0] * size[1] > MOST_PIXELS:
        return NoPreview(
            f"an image of {size[0]} x {size[1]} pixels; up to {MOST_PIXELS // 1_000_000} million are shown"
        )
    return ImagePreview(
        media_type, size, "" if _is_whole(reader, media_type) else "The file is cut off: its end is missing."
    )


def measure_image(head: bytes) -> tuple[int, int] | None:
    """Return width and height of an image by its first bytes; None for a damaged one, and for other formats."""
    import imagesize

    if not detect_image(head):
        return None
    try:
        width, height = imagesize.get(io.BytesIO(head))
    except Exception:  # a parser of foreign bytes, whose errors are of many kinds
        return None
    return (width, height) if width > 0 and height > 0 else None


def _is_whole(reader: RangeReader, media_type: str) -> bool:
    """Return whether the file ends as its format does; some programs add a few bytes."""
    end = _ENDS.get(media_type)
    if end is None or reader.size is None:
        return True
    return end in reader.read(max(0, reader.size - 64), 64)
