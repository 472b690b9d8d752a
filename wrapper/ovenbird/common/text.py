"""Make foreign text safe for messages and logs: cut to a line, with control characters escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable

LIMIT = 400  # characters of one value in a message; a path of ordinary length is shown whole
_DEPTH = 4  # levels of a nested value that are shown
_LEAST = 40  # characters that a value may take where others have left no room
_DIGITS = 100  # of an integer; CPython refuses to write more than 4300

# C0, DEL and C1; bidirectional controls and marks; line and paragraph separators; half of a surrogate pair.
# `str.isprintable` alone would take the joiners of emoji and the blanks of East Asian text for controls too.
_UNSAFE = "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\ud800-\udfff"
_CONTROLS = f"[{_UNSAFE}]"  # as text: it takes a millisecond to compile, and few processes need it


def show_value(value: object, limit: int = LIMIT) -> str:
    """Return `repr(value)` as one printable line of about `limit` characters at most.

    The work is bounded by `limit`, whatever the value is: a YAML document of a few hundred bytes can hold, by its
    aliases, a value whose repr has billions of characters. Long text loses its middle, a nested value its rest.
    """
    writer = _Writer(limit)
    writer.write(value, 0)
    return "".join(writer.pieces)


def cut_text(text: str, limit: int) -> str:
    """Return the text, or its beginning and its end around `...` when it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    head = (limit - 3) * 2 // 3
    return f"{text[:head]}...{text[len(text) - (limit - 3 - head) :]}"


def with_article(noun: str) -> str:
    """Return a noun after `a` or `an`."""
    return f"{'an' if noun[:1].lower() in tuple('aeiou') else 'a'} {noun}"


def escape_controls(text: str) -> str:
    r"""Return the text with control characters, bidirectional controls and line separators as `\n`, `\x1b`, `\u202e`.

    A log line then stays one line, and a terminal shows what was sent instead of obeying it.
    """
    if text.isprintable():  # fast, and true of nearly every text
        return text
    return re.sub(_CONTROLS, _escape, text)


def is_unicode(text: str) -> bool:
    """Return whether a text can be written as UTF-8: an argument of other bytes holds halves of surrogate pairs."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def escape_bytes(name: str) -> str:
    """Return a file name as UTF-8 can hold it: a byte of another encoding, a lone surrogate in Python, is `%E9`."""
    if is_unicode(name):
        return name
    return "".join(f"%{ord(char) & 0xFF:02X}" if "\udc80" <= char <= "\udcff" else char for char in name)


def escape_json(text: str) -> str:
    r"""Return JSON in which no character needs escaping for a terminal: `\u009b` and the like stand for themselves.

    The value that a reader decodes stays the same. Line feeds within strings are escaped by JSON already.
    """
    if text.isascii() and "\x7f" not in text:
        return text
    return re.sub(_CONTROLS, lambda match: match[0] if match[0] == "\n" else f"\\u{ord(match[0]):04x}", text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return _SHORT.get(match[0]) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


class _Writer:
    """Collects pieces of a repr until there is no room left."""

    def __init__(self, room: int) -> None:
        self.limit = room
        self.room = room
        self.pieces: list[str] = []

    def add(self, text: str) -> None:
        self.pieces.append(text)
        self.room -= len(text)

    def write(self, value: object, depth: int) -> None:
        """Add the repr of one value. Every call takes some of the room, so their number is bounded too."""
        if isinstance(value, (str, bytes, bytearray)):
            self.add(_cut_repr(value, max(self.room, _LEAST)))
        elif isinstance(value, int) and not isinstance(value, bool):
            self.add(_format_integer(value))
        elif isinstance(value, dict):
            self._items("{", "}", dict.items(value), len(value), depth)
        elif isinstance(value, list):
            self._items("[", "]", ((item,) for item in list.__iter__(value)), len(value), depth)
        elif isinstance(value, tuple):
            end = ",)" if len(value) == 1 else ")"
            self._items("(", end, ((item,) for item in tuple.__iter__(value)), len(value), depth)
        elif isinstance(value, (set, frozenset)):
            self._items("{", "}", ((item,) for item in value), len(value), depth)
        else:
            self.add(cut_text(_safe_repr(value), max(self.room, _LEAST)))

    def _items(self, begin: str, end: str, items: Iterable[tuple[object, ...]], count: int, depth: int) -> None:
        if depth >= _DEPTH and count:
            self.add(f"{begin}...{end}")
            return
        self.add(begin)
        for index, item in enumerate(items):
            if index:
                self.add(", ")
            if self.room <= 0:
                self.add("...")
                break
            for position, part in enumerate(item):
                if position:
                    self.add(": ")
                self.write(part, depth + 1)
        self.add(end)


def _cut_repr(value: str | bytes | bytearray, room: int) -> str:
    """Return the repr of a text, without its middle when it is long. Only the visible part is written."""
    if len(value) <= room:
        return cut_text(repr(value), room + 2)
    begin, end = repr(value[: room * 2 // 3]), repr(value[len(value) - room // 3 :])
    joined = f"{begin[:-1]}...{end[1:]}" if isinstance(value, str) else f"{begin}...{end}"
    return cut_text(joined, room + 5)


def _format_integer(value: int) -> str:
    if value.bit_length() > _DIGITS * 3:
        return f"<an integer of {value.bit_length()} bits>"
    return repr(value)


def _safe_repr(value: object) -> str:
    try:
        text = repr(value)
    except Exception:  # a repr of user code may raise anything
        text = f"<{type(value).__name__}>"
    return escape_controls(text)
