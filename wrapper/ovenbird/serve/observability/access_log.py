"""The access log: a line is formatted when its call ends, and many are written together."""

from __future__ import annotations

import os
from collections import deque
from contextvars import Context
from time import monotonic, time
from typing import Any

from ...common import fork_guard
from ...logging_config import LogHandler, text_line
from ..call import HttpCall
from .access_lines import JsonFormatter, TextFormatter
from .line_output import WHOLE, LineOutput

_PAUSE = 0.02  # seconds for which a line waits for others
_RETRY = 0.05  # seconds until a reader that has fallen behind is tried again
_MAX_WAITING = 4 * 1024 * 1024  # characters that wait for such a reader; further calls are only counted, as missing
_MOST_BYTES = 10  # of a character, as `\\U0001f426`
_SLICE = 64  # pieces that are written at once: a long list must not delay calls
_PATIENCE = 5.0  # seconds for which the end of the process waits for such a reader


class AccessLog:
    """Writes one line for each call to the log of `handler`, in its form."""

    def __init__(self, name: str, handler: LogHandler) -> None:
        self._handler = handler
        form = TextFormatter if handler.line is text_line else JsonFormatter
        self._format = form(name).format
        self._output = LineOutput(lambda: handler.stream)
        self._lines: list[str] = []  # that are written as one piece
        self._size = 0  # of these, in bytes at the most
        self._waiting: deque[str] = deque()  # pieces for a reader that has fallen behind
        self._waiting_size = 0
        self._lost = 0
        self._loop: Any = None
        self._context: Context | None = None
        self._timer: Any = None
        self._process = os.getpid()

    def start(self, loop: Any, context: Context | None = None) -> None:
        """Set the loop of the timer, and its context: the context of a call would be kept after the call."""
        self._loop = loop
        self._context = context

    def add(self, call: HttpCall, seconds: float) -> None:
        """Add the line of a call that ends now, after so many seconds."""
        line = self._format(call, seconds)
        size = len(line) if line.isascii() else _MOST_BYTES * len(line)
        if self._size + size > WHOLE:
            self._write_piece()
        self._lines.append(line)
        self._size += size
        if self._timer is None:
            self._timer = self._loop.call_later(_PAUSE, self._write_due, context=self._context)

    @property
    def descriptors(self) -> list[int]:
        """Return the descriptors that a child must not keep open."""
        return self._output.descriptors

    def flush(self) -> None:
        """Write all lines, and wait for a reader that has fallen behind, but not for one that reads no more."""
        if fork_guard.is_forked_from(self._process):  # the lines are those of its parent
            return
        self._write_piece()
        end = monotonic() + _PATIENCE
        while not self._write_waiting(len(self._waiting)) and (rest := end - monotonic()) > 0:
            self._output.wait(rest)
        self._lost += sum(piece.count("\n") for piece in self._waiting)
        self._waiting.clear()
        self._waiting_size = 0

    def _write_due(self) -> None:
        self._timer = None
        self._write_piece()
        if not self._write_waiting(_SLICE):
            self._timer = self._loop.call_later(_RETRY, self._write_due, context=self._context)

    def _write_piece(self) -> None:
        """Write the lines as one piece, after the pieces that wait."""
        if not self._lines:
            return
        piece = "".join(self._lines)
        self._lines.clear()
        self._size = 0
        if not self._waiting and self._output.write(piece):
            return
        if self._waiting_size + len(piece) > _MAX_WAITING:
            self._lost += piece.count("\n")
            return
        self._waiting.append(piece)
        self._waiting_size += len(piece)

    def _write_waiting(self, most: int) -> bool:
        """Write pieces that wait, and how many calls are missing. Return whether all is written."""
        for _ in range(min(most, len(self._waiting))):
            if not self._output.write(self._waiting[0]):
                return False
            self._waiting_size -= len(self._waiting.popleft())
        if self._waiting:
            return False
        if self._lost:
            text = f"{self._lost} calls are missing from the access log"
            if not self._output.write(self._handler.line(time(), "info", text, {})):
                return False
            self._lost = 0
        return self._output.finish()
