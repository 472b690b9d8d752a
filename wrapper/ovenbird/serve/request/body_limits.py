"""Limits on the number of values in a body: many tiny values take far more time and memory than their bytes suggest.

A value is an element of an array or a member of an object. The count is an upper bound. It is made from the bytes,
before anything is decoded, in steps that each hold the GIL for a few milliseconds only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ...settings import Settings
from ..problem_details import HttpProblem

_WINDOW = 1024 * 1024  # bytes that are scanned in one step
_USUAL_WIDTH = 16  # members of an object; more of them are costly, as each name is a new one
_COST_OF_NAME = 3  # further values that a member beyond the usual width counts for
_HEADS = {  # MessagePack: first byte -> bytes of a length that follows, and bytes for each unit of that length
    0xC4: (1, 1), 0xC5: (2, 1), 0xC6: (4, 1), 0xC7: (1, 1), 0xC8: (2, 1), 0xC9: (4, 1),
    0xD9: (1, 1), 0xDA: (2, 1), 0xDB: (4, 1),
}  # fmt: skip
_FIXED = {  # MessagePack: first byte -> bytes of the value itself
    0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8,
    0xD4: 2, 0xD5: 3, 0xD6: 5, 0xD7: 9, 0xD8: 17,
}  # fmt: skip


class BodyLimits(NamedTuple):
    """The limits on fields and values; 0 is no limit.

    `fields`: fields of a form or query, parts of a multipart body; `items`: values of a JSON or MessagePack body.
    """

    fields: int
    items: int

    @classmethod
    def from_settings(cls, settings: Settings) -> BodyLimits:
        """Return the limits of the settings."""
        return cls(settings.max_fields, settings.max_items)

    def check_json(self, body: bytes) -> None:
        """Raise HttpProblem 413 if a JSON text has too many values."""
        if self.items and len(body) > self.items and count_json_items(body, self.items) > self.items:
            raise _too_many_error("values", self.items, "max_items")

    def check_msgpack(self, body: bytes) -> None:
        """Raise HttpProblem 413 if MessagePack data has too many values."""
        if self.items and len(body) > self.items and count_msgpack_items(body, self.items) > self.items:
            raise _too_many_error("values", self.items, "max_items")

    def check_form(self, body: bytes) -> None:
        """Raise HttpProblem 413 if a form has too many fields."""
        if self.fields and len(body) > self.fields and body.count(b"&") >= self.fields:
            raise _too_many_error("fields", self.fields, "max_fields")

    def check_query(self, query: bytes) -> None:
        """Raise HttpProblem 400 if a query has too many fields."""
        if self.fields and len(query) > self.fields and query.count(b"&") >= self.fields:
            raise HttpProblem(400, f"the query has over {self.fields} fields", limit=self.fields)


def _too_many_error(noun: str, limit: int, name: str) -> HttpProblem:
    return HttpProblem(413, f"the body has over {limit} {noun}", limit=limit, setting=f"--{name.replace('_', '-')}")


def count_json_items(body: bytes, enough: int) -> int:
    """Return an upper bound of the values in a JSON text. Stop counting above `enough`.

    Commas and brackets inside strings do not count. A member of an object with very many members counts more.
    """
    rough = _Counts()
    for start in range(0, len(body), _WINDOW):
        rough.add(body, start, start + _WINDOW)
    if rough.values <= enough:
        return rough.values
    counts = _Counts()
    for text in _outside_strings(body):
        counts.add(text, 0, len(text))
        if counts.values > enough:
            break
    return counts.values


class _Counts:
    """Counts of the punctuation in a JSON text, and the number of values that follows from them."""

    def __init__(self) -> None:
        self.separators = self.objects = self.members = 0

    def add(self, text: bytes, start: int, end: int) -> None:
        """Count the punctuation in a part of a text."""
        objects = text.count(b"{", start, end)
        self.objects += objects
        self.separators += text.count(b",", start, end) + text.count(b"[", start, end) + objects
        self.members += text.count(b":", start, end)

    @property
    def values(self) -> int:
        """Return an upper bound of the values."""
        return 1 + self.separators + _COST_OF_NAME * max(0, self.members - _USUAL_WIDTH * self.objects)


def _outside_strings(body: bytes) -> Iterator[bytes]:
    """Yield the parts of a JSON text that lie outside of its strings, a window at a time."""
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in body else body
    inside = False
    for start in range(0, len(plain), _WINDOW):
        pieces = plain[start : start + _WINDOW].split(b'"')
        yield b"".join(pieces[inside::2])
        inside ^= len(pieces) % 2 == 0


def count_msgpack_items(body: bytes, enough: int) -> int:
    """Return the number of values in MessagePack data. Stop counting above `enough`.

    Malformed data is counted as far as possible: the decoder refuses it later.
    """
    position, size, count = 0, len(body), 0
    while position < size and count <= enough:
        first = body[position]
        position += 1
        count += 1
        if first in _FIXED:
            position += _FIXED[first]
        elif first in _HEADS:
            width, unit = _HEADS[first]
            length = int.from_bytes(body[position : position + width], "big")
            position += width + length * unit + (1 if 0xC7 <= first <= 0xC9 else 0)
        elif 0xA0 <= first <= 0xBF:
            position += first & 0x1F
        elif first in (0xDC, 0xDE):
            position += 2
        elif first in (0xDD, 0xDF):
            position += 4
    return count
