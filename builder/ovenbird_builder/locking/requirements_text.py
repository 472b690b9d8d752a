"""The text of a requirements file and its logical lines, as pip's `req_file.py` reads them."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from ovenbird.common.text import show_value
from ovenbird.common.units import show_size

from ..errors import LockError

FILE_LIMIT = 64 * 1024 * 1024  # bytes of one file, and of all that are included together
# those of UTF-32 first: the one of UTF-16 is how it begins
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_BE, "utf-32-be"), (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"), (codecs.BOM_UTF16_LE, "utf-16-le"),
)  # fmt: skip
_CODING = re.compile(rb"#.*?coding[:=]\s*([-\w.]+)")
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*$")


def read_text(path: Path, label: str) -> str:
    """Return the text of a requirements file. Errors: LockError for one that is no text, too large or unreadable."""
    try:
        if path.stat().st_size > FILE_LIMIT:
            raise LockError(f"{label} is larger than {show_size(FILE_LIMIT)}")
        return decode_text(path.read_bytes(), label)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise LockError(f"cannot read the requirements {show_value(label)}: {why}") from None


def decode_text(data: bytes, label: str) -> str:
    """Return text from bytes: by a byte order mark, by a coding line among the first two (PEP 263), else as UTF-8.

    Errors: LockError, with what to write where it is none of these.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _decode_with(data[len(mark) :], encoding, label)
    for line in data.split(b"\n", 2)[:2]:
        if match := _CODING.match(line):
            return _decode_with(data, match[1].decode("ascii", "replace"), label)
    return _decode_with(data, "utf-8", label)


def split_lines(text: str) -> list[tuple[int, str]]:
    """Return logical lines, each with the number of its first: joined where one ends in a backslash, without comments.

    As with pip, a backslash at the end of a comment behind a requirement joins too, and the next line is comment.
    """
    lines: list[tuple[int, str]] = []
    start, pending = 0, ""
    for number, raw in enumerate(text.splitlines(), 1):
        start = start or number
        line = raw.rstrip()
        comment = line.lstrip().startswith("#")
        if line.endswith("\\") and not comment:
            pending += line.strip("\\")
            continue
        # a comment ends a joined line, and needs a blank before it to be one
        lines.append((start, pending + (f" {line}" if comment else line)))
        start, pending = 0, ""
    lines += [(start, pending)] if pending else []
    stripped = ((number, _COMMENT.sub("", line).strip()) for number, line in lines)
    return [(number, line) for number, line in stripped if line]


def _decode_with(data: bytes, encoding: str, label: str) -> str:
    try:
        return data.decode(encoding)
    except LookupError:
        raise LockError(f"{label}: the encoding {show_value(encoding)} of its coding line is not known") from None
    except ValueError:
        raise LockError(
            f"{label} is not {'UTF-8' if encoding == 'utf-8' else encoding} text",
            hint="save it as UTF-8, or name its encoding in the first line: # -*- coding: latin-1 -*-",
        ) from None
