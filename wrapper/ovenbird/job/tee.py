"""Write the log of a run to a file: a copy of all text that goes to stdout and stderr."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO


class Tee:
    """A text stream that also writes to the log, without a buffer, so that a killed run keeps its log."""

    def __init__(self, stream: TextIO, log: Any, lock: threading.Lock) -> None:
        self._stream = stream
        self._log = log
        self._lock = lock

    def write(self, text: str) -> int:
        """Write text to the stream and to the log."""
        with self._lock, contextlib.suppress(OSError):  # a full disk must not fail a print
            self._log.write(text.encode("utf-8", "backslashreplace"))
        return self._stream.write(text)

    def writelines(self, lines: Iterator[str]) -> None:
        """Write several texts to the stream and to the log."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)  # isatty, fileno, encoding and flush are those of the real stream


def ease_stdout() -> None:
    """Make stdout line-buffered, with escapes for characters that the encoding of the locale lacks."""
    if hasattr(sys.stdout, "reconfigure"):
        errors = sys.stdout.errors
        if errors == "strict" or (errors == "surrogateescape" and sys.stdout.encoding.lower() != "utf-8"):
            errors = "backslashreplace"
        sys.stdout.reconfigure(line_buffering=True, errors=errors)


def redirect_output(path: Path) -> None:
    """Let stdout and stderr go to the file at `path` alone, those of C code and of other programs too."""
    log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.close(log)


@contextmanager
def tee_output(path: Path) -> Iterator[None]:
    """Within the block, copy stdout and stderr to the file at `path`. Output of C code is not copied."""
    before = sys.stdout, sys.stderr
    lock = threading.Lock()
    with path.open("ab", buffering=0) as log:
        sys.stdout, sys.stderr = Tee(before[0], log, lock), Tee(before[1], log, lock)
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before
