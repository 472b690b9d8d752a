"""The log of a run: read it, and follow it until the run has ended."""

from __future__ import annotations

import sys

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


def follow_log(run: Entity, process: RunProcess | None) -> None:
    """Print the log of a run until it has ended. Errors: PlatformError."""
    printed = 0  # characters of the log
    while True:
        run._store.reap()
        has_ended = run.refresh().status.state in FINAL
        text = read_log(run)
        sys.stdout.write(text[printed:])
        printed = max(printed, len(text))
        if has_ended:
            sys.stdout.write("\n" if text and not text.endswith("\n") else "")
        sys.stdout.flush()
        if has_ended:
            return
        pause_for(process, _LOOK)
