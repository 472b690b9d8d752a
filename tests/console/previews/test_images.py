from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image
from tests.console.previews.readers import CountingReader

from ovenbird_console.previews.choose import preview_file
from ovenbird_console.previews.preview import Preview


def show(path: Path, data: bytes) -> Preview:
    path.write_bytes(data)
    reader = CountingReader(path)
    try:
        return preview_file(reader, path.name)
    finally:
        assert reader.count < 400_000
        reader.close()


def make_image(kind: str, size: tuple[int, int] = (30, 20)) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise(size, 50).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_an_image_is_shown_with_its_size(tmp_path: Path, kind: str) -> None:
    """The name does not matter."""
    preview = show(tmp_path / "a.dat", make_image(kind))
    assert (preview.kind, preview.media_type, preview.size) == ("image", f"image/{kind.lower()}", (30, 20))
    assert preview.note == ""


def test_a_cut_image_is_said_to_be_one(tmp_path: Path) -> None:
    preview = show(tmp_path / "a.png", make_image("PNG", (300, 200))[:30_000])
    assert (preview.size, preview.note) == ((300, 200), "The file is cut off: its end is missing.")


def test_an_image_of_too_many_pixels_is_not_shown(tmp_path: Path) -> None:
    """A PNG of a kilobyte may unpack to gigabytes in the browser."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(10**6)))
        + chunk(b"IEND", b"")
    )
    preview = show(tmp_path / "a.png", bomb)
    assert (preview.kind, "60000 x 60000 pixels" in preview.reason) == ("none", True)


def test_a_large_file_is_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(make_image("PNG"))
    with path.open("ab") as file:
        file.truncate(30 << 20)
    assert "up to 20.0 MiB are shown" in preview_file(CountingReader(path), "a.png").reason


def test_bytes_that_only_begin_as_an_image_are_damaged(tmp_path: Path) -> None:
    assert "damaged" in show(tmp_path / "a.png", b"\x89PNG\r\n\x1a\n").reason
