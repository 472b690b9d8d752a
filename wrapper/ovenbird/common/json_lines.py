"""The lines of a JSON Lines file that count, for a run with an index and for an array of runs."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator


def iterate_lines(file: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield each line that is not blank with its number from 1, without a byte order mark and without its ends.

    `file` yields lines up to `\\n`, as a file opened for bytes does; a `\\r` before it is not part of the line.
    """
    for number, raw in enumerate(file, 1):
        text = (raw.removeprefix(BOM_UTF8) if number == 1 else raw).strip()
        if text:
            yield number, text
