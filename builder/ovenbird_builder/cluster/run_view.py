"""What people see of runs in a cluster: what happens on stderr, the log of the function on stdout."""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import Protocol

from ovenbird.common.text import escape_controls


class LogOutput(Protocol):
    """What a log is written to: a binary stream, or what stands for one."""

    def write(self, data: bytes, /) -> object:
        """Write whole lines."""

    def flush(self) -> object:
        """Let them be read."""


class RunView:
    """Lines for people on stderr, each with a word at its beginning; the log goes to `log`, by default stdout."""

    def __init__(self, log: LogOutput | None = None) -> None:
        self._log: LogOutput = log or sys.stdout.buffer
        self._lock = threading.Lock()
        self._last = ""
        self._is_within_line = False

    def say(self, word: str, text: str) -> None:
        """Print a line, unless it is the one that was printed last."""
        self._print(f"  {word:<7} {escape_controls(text)}\n")

    def finish(self, text: str) -> None:
        """Print how it has ended."""
        self._print(f"  {escape_controls(text)}\n")

    def _print(self, line: str) -> None:
        with self._lock:
            if line == self._last:
                return
            self._last = line
            self._end_line()
            with contextlib.suppress(OSError, ValueError):  # nobody reads: the run is followed all the same
                sys.stderr.write(line)
                sys.stderr.flush()

    def note(self, text: str) -> None:
        """Print what people should know."""
        self.say("note", text)

    def write_log(self, line: bytes) -> None:
        """Print a line of a log, as it is. Errors: OSError where stdout cannot be written to."""
        with self._lock:
            self._last = ""
            self._log.write(line)
            self._is_within_line = not line.endswith(b"\n")
            self._log.flush()

    def _end_line(self) -> None:
        if self._is_within_line:
            self._is_within_line = False
            with contextlib.suppress(OSError, ValueError):
                self._log.write(b"\n")
                self._log.flush()
