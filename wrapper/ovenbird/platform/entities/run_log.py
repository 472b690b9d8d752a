"""The log of a run: read it, and follow it until the run has ended."""

from __future__ import annotations

import sys
from itertools import islice

from ...errors import InputError
from ..store import FINAL
from .entity import Entity
from .run_parts import RunLog, RunProcess, pause_for

_LOOK = 0.2  # seconds between two looks at a log


class LogText(str):
    """The log so far. A call returns it as a list of parts, as the platform's SDK does."""

    __slots__ = ()

    def __call__(self) -> list[RunLog]:
        """Return the log as one part with `text`; an empty list if nothing was logged."""
        return [RunLog(str(self))] if self else []


def read_log(run: Entity) -> LogText:
    """Return the log so far, empty if nothing was logged."""
    try:
        return LogText("\n".join(line.rstrip("\n") for line in run._store.log_lines(run.project, run.id)))
    except InputError:
        return LogText()


class LogTail:
    """Reads the log of a run bit by bit, and holds no more of it than what is new."""

    def __init__(self, run: Entity) -> None:
        self._run = run
        self._line, self._length = 0, 0  # the last line that was read, which may grow, and its characters

    @property
    def is_within_line(self) -> bool:
        """Return whether what was read ends with a text, and not with an empty line."""
        return self._length > 0

    def read(self) -> str:
        """Return what is new; the end of a line comes with the next line. Errors: PlatformError."""
        run = self._run
        try:
            lines = [line.rstrip("\n") for line in islice(run._store.log_lines(run.project, run.id), self._line, None)]
        except InputError:
            return ""
        text = "\n".join(lines)[self._length :]
        if lines:
            self._line, self._length = self._line + len(lines) - 1, len(lines[-1])
        return text


def follow_log(run: Entity, process: RunProcess | None) -> None:
    """Print the log of a run until it has ended. Errors: PlatformError."""
    log = LogTail(run)
    while True:
        run._store.reap()
        has_ended = run.refresh().status.state in FINAL
        sys.stdout.write(log.read())
        if has_ended and log.is_within_line:
            sys.stdout.write("\n")
        sys.stdout.flush()
        if has_ended:
            return
        pause_for(process, _LOOK)
