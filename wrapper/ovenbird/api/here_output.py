"""Copy what runs of this process print to their logs, while the streams of the process stay its own.

`sys.stdout` and `sys.stderr` are replaced while at least one run goes on. Text goes where it went before, and
to the log of the run that printed it: by the context of its thread or task. A thread without a context belongs to the
only run that there is.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any, BinaryIO

from ..logging_config import LogHandler

_current: ContextVar[RunLog | None] = ContextVar("ovenbird_run_log", default=None)


class RunLog:
    """The open log of a run of this process."""

    def __init__(self, file: BinaryIO | None) -> None:
        self._file = file
        self._lock = threading.Lock()

    def write(self, text: str) -> None:
        """Add text. A full disk, or a log that is closed, must not fail a print."""
        if self._file is not None:
            with self._lock, contextlib.suppress(OSError, ValueError):
                self._file.write(text.encode("utf-8", "backslashreplace"))


class RoutedStream:
    """A stream that also writes to the log of the run that prints."""

    def __init__(self, stream: Any, router: OutputRouter) -> None:
        self._stream, self._router = stream, router

    def write(self, text: str) -> int:
        """Write text to the stream and to the log."""
        if log := self._router.find_log():
            log.write(text)
        return int(self._stream.write(text) or 0)

    def writelines(self, lines: Iterator[str]) -> None:
        """Write several texts to the stream and to the log."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class RunLogHandler(LogHandler):
    """Writes Ovenbird's own records of a run to stderr, where no handler of the caller's does, and to the run's log."""

    def __init__(self, router: OutputRouter) -> None:
        super().__init__("text")
        self._router = router

    def put(self, text: str) -> None:
        """Write a line."""
        root = logging.getLogger()
        if any(handler is not self for handler in root.handlers):
            if log := self._router.find_log():
                log.write(text)
        else:
            super().put(text)


class OutputRouter:
    """The streams and the handler of this process, for as long as runs go on in it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._logs: list[RunLog] = []
        self._streams: tuple[RoutedStream, RoutedStream] | None = None
        self._handler = RunLogHandler(self)
        self._level = logging.NOTSET

    def find_log(self) -> RunLog | None:
        """Return the log that the current thread or task prints to."""
        log = _current.get()
        if log is None and len(self._logs) == 1 and threading.current_thread() is not threading.main_thread():
            log = self._logs[0]
        return log if log in self._logs else None

    @contextlib.contextmanager
    def recording(self, path: Path | None) -> Iterator[None]:
        """Within the block, copy what this context prints and logs to the file; `None` for a store without logs."""
        with path.open("ab", buffering=0) if path else contextlib.nullcontext() as file:
            log = RunLog(file)
            token = _current.set(log)
            self._begin(log)
            try:
                yield
            finally:
                self._end(log)
                _current.reset(token)

    def _begin(self, log: RunLog) -> None:
        with self._lock:
            if not self._logs:
                self._streams = RoutedStream(sys.stdout, self), RoutedStream(sys.stderr, self)
                sys.stdout, sys.stderr = self._streams
                own = logging.getLogger("ovenbird")
                self._level = own.level
                own.setLevel(min(own.getEffectiveLevel(), logging.INFO))
                logging.getLogger().addHandler(self._handler)
            self._logs.append(log)

    def _end(self, log: RunLog) -> None:
        with self._lock:
            self._logs.remove(log)
            if self._logs or self._streams is None:
                return
            stdout, stderr = self._streams
            if sys.stdout is stdout:  # else somebody has replaced it meanwhile
                sys.stdout = stdout._stream
            if sys.stderr is stderr:
                sys.stderr = stderr._stream
            self._streams = None
            logging.getLogger().removeHandler(self._handler)
            logging.getLogger("ovenbird").setLevel(self._level)


router = OutputRouter()
