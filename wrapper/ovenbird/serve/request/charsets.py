"""The charsets that a request may name: those in use on the web, by their registered names.

Python knows far more codecs. Some are no charsets (`idna`, `unicode_escape`, `undefined`), and `punycode` takes time
that grows with the square of the text, so names are looked up here and never handed to `codecs` as they come.
"""

from __future__ import annotations

_NAMES = {
    "utf-8": "utf-8 utf8 us-ascii ascii ansi_x3.4-1968 iso646-us",  # ASCII is a part of UTF-8
    "utf-16": "utf-16 utf16 unicode ucs-2 iso-10646-ucs-2",
    "utf-16-le": "utf-16le",
    "utf-16-be": "utf-16be",
    "utf-32": "utf-32 utf32 ucs-4 iso-10646-ucs-4",
    "utf-32-le": "utf-32le",
    "utf-32-be": "utf-32be",
    **{f"iso8859-{part}": f"iso-8859-{part} iso8859-{part}" for part in (*range(1, 12), *range(13, 17))},
    **{f"cp{page}": f"windows-{page} cp{page}" for page in range(1250, 1259)},
    "cp437": "ibm437 cp437",
    "cp850": "ibm850 cp850",
    "cp866": "ibm866 cp866",
    "cp874": "windows-874 cp874",
    "tis-620": "tis-620",
    "koi8-r": "koi8-r koi8",
    "koi8-u": "koi8-u",
    "mac-roman": "macintosh x-mac-roman",
    "cp932": "shift_jis shift-jis sjis x-sjis ms_kanji windows-31j cp932",
    "euc_jp": "euc-jp x-euc-jp",
    "iso2022_jp": "iso-2022-jp",
    "gbk": "gb2312 gbk x-gbk cp936",
    "gb18030": "gb18030",
    "big5": "big5 big5-tw",
    "big5hkscs": "big5-hkscs",
    "euc_kr": "euc-kr ks_c_5601-1987",
    "cp949": "cp949 uhc",
}
_ALIASES = {"latin-1": "iso8859-1", "latin1": "iso8859-1", "l1": "iso8859-1", "latin-2": "iso8859-2",
            "latin2": "iso8859-2", "latin-9": "iso8859-15", "latin9": "iso8859-15"}  # fmt: skip
_CODECS = {name: codec for codec, names in _NAMES.items() for name in names.split()} | _ALIASES

ASCII_BASED = frozenset(codec for codec in _NAMES if not codec.startswith(("utf-16", "utf-32")))
"""Codecs in which the marks of a form (`&`, `=`, `%`) are single bytes."""


def codec_of(charset: str) -> str | None:
    """Return Python's name for a charset, in any case and with `_` or `-`; None for one that is not in the list."""
    name = charset.lower()
    return _CODECS.get(name) or _CODECS.get(name.replace("_", "-"))
