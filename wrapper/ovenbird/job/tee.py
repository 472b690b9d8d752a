"""Keep the log of a run while it is shown: what is written to stdout and stderr goes to a file as well."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO


class Tee:
    """A text stream that also writes to the log. It is written through at once, so that a killed run keeps its log."""

    def __init__(self, stream: TextIO, log: Any, lock: threading.Lock) -> None:
        self._stream = stream
        self._log = log
        self._lock = lock

    def write(self, text: str) -> int:
        """Show and keep a text."""
        with self._lock, contextlib.suppress(OSError):  # a full disk must not fail a print
            self._log.write(text.encode("utf-8", "backslashreplace"))
        return self._stream.write(text)

    def writelines(self, lines: Iterator[str]) -> None:
        """Show and keep several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)  # isatty, fileno, encoding, flush: those of the real stream


def ease_stdout() -> None:
    """Have what user code prints shown at once, not when a buffer is full, and escaped where the locale lacks it."""
    if hasattr(sys.stdout, "reconfigure"):
        errors = sys.stdout.errors
        if errors == "strict" or (errors == "surrogateescape" and sys.stdout.encoding.lower() != "utf-8"):
            errors = "backslashreplace"
        sys.stdout.reconfigure(line_buffering=True, errors=errors)


@contextmanager
def kept(path: Path) -> Iterator[None]:
    """Within the block, stdout and stderr are kept in the file at `path`; what C code writes is only shown."""
    before = sys.stdout, sys.stderr
    lock = threading.Lock()
    with path.open("ab", buffering=0) as log:
        sys.stdout, sys.stderr = Tee(before[0], log, lock), Tee(before[1], log, lock)
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before
