"""Report a run to several servers at once, and wait for none of them longer than a short while."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from ..common.redact import redact_url
from ..common.text import show_value
from .json_server import PATIENCE, JsonServer, ReportError
from .reported_run import ReportedRun, RunOutcome

_LONGEST = 10.0  # seconds for all calls of one moment, while the server answers each of them
_log = logging.getLogger("ovenbird")


class Reporter(Protocol):
    """Reports runs to one server, which `variable` names. Errors of all methods: ReportError."""

    title: str
    variable: str
    server: JsonServer

    def report_start(self, run: ReportedRun) -> None:
        """Report that a run starts."""

    def report_end(self, outcome: RunOutcome) -> None:
        """Report how the run has ended."""

    def list_variables(self) -> dict[str, str]:
        """Return the variables for what the run starts; those of a run that was reported."""


class ReporterThread:
    """The calls of one reporter. They are made in a thread: the resolver of host names knows no time limit.

    A server that did not answer in time is not called again. Only the first problem is a warning.
    """

    def __init__(self, reporter: Reporter) -> None:
        self.reporter = reporter
        self._is_lost = False
        self._has_warned = False
        self._problem = ""
        self._thread: threading.Thread | None = None

    @property
    def has_failed(self) -> bool:
        """Return whether anything was not reported."""
        return self._is_lost or self._has_warned

    def begin(self, work: Callable[[Reporter], None]) -> None:
        """Begin the calls, unless the server is lost."""
        if self._is_lost:
            return
        self._problem = ""
        self.reporter.server.answered = self._began = time.monotonic()
        self._thread = threading.Thread(target=self._attempt, args=(work,), name="ovenbird-report", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            self._thread, self._problem = None, f"no thread could be started: {error}"

    def finish(self) -> None:
        """Wait for the calls as long as the server answers. Warn if they have failed."""
        thread, self._thread = self._thread, None
        while thread is not None and thread.is_alive():
            now, server = time.monotonic(), self.reporter.server
            rest = min(server.answered + PATIENCE, self._began + _LONGEST) - now
            if rest <= 0:
                self._is_lost, self._problem = True, self._describe("no answer came in time")
                break
            thread.join(rest)
        if self._problem and time.monotonic() - self._began > PATIENCE / 4:
            self._is_lost = True  # slow to fail: a second time would cost as much again
        if self._problem:
            level = logging.DEBUG if self._has_warned else logging.WARNING
            _log.log(level, "%s: %s; the run goes on", self.reporter.title, self._problem)
            self._has_warned = True

    def _attempt(self, work: Callable[[Reporter], None]) -> None:
        try:
            work(self.reporter)
        except ReportError as error:
            self._problem = self._describe(str(error))
        except Exception as broken:
            text = show_value(self.reporter.server.redact(str(broken)))
            self._problem = self._describe(f"{type(broken).__name__} in Ovenbird: {text}")

    def _describe(self, reason: str) -> str:
        return f"not reported to {show_value(redact_url(self.reporter.server.locate('')))}: {reason}"


def report_together(threads: Sequence[ReporterThread], work: Callable[[Reporter], None]) -> None:
    """Do the work of all reporters at the same time, and wait for them."""
    for thread in threads:
        thread.begin(work)
    for thread in threads:
        thread.finish()
