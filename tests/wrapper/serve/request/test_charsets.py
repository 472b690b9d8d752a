"""Charsets that a request may name."""

from __future__ import annotations

import codecs
import encodings
import pkgutil
import time

import pytest

from ovenbird.serve.request.charsets import _CODECS, codec_of

REFUSED = {"punycode", "idna", "undefined", "unicode_escape", "raw_unicode_escape", "utf_7", "rot_13", "hex_codec",
           "base64_codec", "bz2_codec", "zlib_codec", "uu_codec", "quopri_codec", "mbcs", "oem", "charmap"}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("codec", sorted(set(_CODECS.values())))
def test_every_charset_takes_time_by_its_length_alone(codec: str) -> None:
    """A million bytes of any kind are decoded at once: no codec in the list has a cost that grows faster."""
    assert codecs.lookup(codec)
    began = time.monotonic()
    for pattern in (b"a", b"\xff", b"\x1b$B", b"-", b"\x00\xd8"):
        (pattern * 1_000_000)[:1_000_000].decode(codec, "replace")
    assert time.monotonic() - began < 10  # it takes a fraction of a second; punycode takes hours


def test_names_in_any_form() -> None:
    """Case, `_` and `-`, registered names and those in use."""
    assert codec_of("UTF-8") == codec_of("utf8") == codec_of("us-ascii") == codec_of("UTF_8") == "utf-8"
    assert codec_of("ISO_8859_1") == codec_of("Latin-1") == "iso8859-1"
    assert codec_of("Shift_JIS") == "cp932"
    assert codec_of("Windows-1252") == codec_of("cp1252") == "cp1252"


def test_what_is_no_charset_is_not_in_the_list() -> None:
    """Python's codecs that transform, or are no charset in use, are refused by every name."""
    encodings_of_python = {module.name for module in pkgutil.iter_modules(encodings.__path__)}
    assert encodings_of_python & REFUSED
    for name in REFUSED:
        assert codec_of(name) is None
        assert codec_of(name.replace("_", "-")) is None
    allowed = {codecs.lookup(codec).name for codec in _CODECS.values()}
    assert not allowed & {"punycode", "idna", "unicode-escape", "raw-unicode-escape", "utf-7", "undefined"}
