"""A line on the terminal that says how far a transfer is; nothing at all elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from .file_copy import Progress

_PATIENCE = 0.5  # seconds; a transfer that is done by then needs no line
_PAUSE = 0.1
_MIB = 1024 * 1024


@contextmanager
def show_progress(label: str, total: int | None, stream: TextIO | None = None) -> Iterator[Progress | None]:
    """Yield a callback that takes bytes as they move and keeps one line of `stream` (stderr) up to date.

    None when the stream is no terminal. `total` in bytes, None when it is not known.
    """
    stream = sys.stderr if stream is None else stream
    if stream is None or not stream.isatty():
        yield None
        return
    bar = _TerminalLine(label, total, stream)
    try:
        yield bar.moved
    finally:
        bar.clear()


class _TerminalLine:
    def __init__(self, label: str, total: int | None, stream: TextIO) -> None:
        self._what, self._total, self._stream = label, total, stream
        self._done = 0
        self._began = time.monotonic()
        self._next = self._began + _PATIENCE
        self._is_drawn = False

    def moved(self, count: int) -> None:
        self._done += count
        moment = time.monotonic()
        if moment < self._next:
            return
        self._next = moment + _PAUSE
        rate = self._done / _MIB / (moment - self._began)
        moved_mib, total = self._done / _MIB, (self._total or 0) / _MIB
        share = f"{moved_mib / total:4.0%} of {total:.1f}" if total else f"{moved_mib:.1f}"
        self._stream.write(f"\r\x1b[K{self._what}  {share} MiB  {rate:.1f} MiB/s")
        self._stream.flush()
        self._is_drawn = True

    def clear(self) -> None:
        if self._is_drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
