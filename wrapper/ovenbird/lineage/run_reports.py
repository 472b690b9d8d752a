"""The reports of one run to all servers that the environment names."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping

from . import mlflow, openlineage
from .json_server import ReportError
from .mlflow import MlflowReporter
from .openlineage import OpenLineageReporter
from .reported_run import ReportedRun, RunOutcome
from .reporter import Reporter, ReporterThread, report_together

_log = logging.getLogger("ovenbird")


class RunReports:
    """Reports the start and the end of one run. Nothing is raised: a server that fails is a warning."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._has_started = False
        self._threads: list[ReporterThread] = []
        self._before: dict[str, str | None] = {}
        if openlineage.is_enabled(environ):
            self._add(lambda: OpenLineageReporter(environ))
        if mlflow.is_enabled(environ):
            self._add(lambda: MlflowReporter(environ))

    def start(self, run: ReportedRun) -> None:
        """Report that the run starts."""
        self._has_started = True
        report_together(self._threads, lambda reporter: reporter.report_start(run))

    def end(self, outcome: RunOutcome) -> None:
        """Report how it has ended; of a run whose start was not reported, nothing."""
        if not self._has_started:
            return
        report_together(self._threads, lambda reporter: reporter.report_end(outcome))
        for thread in self._threads:
            if isinstance(thread.reporter, MlflowReporter) and not thread.has_failed:
                thread.reporter.release(outcome)
            thread.reporter.server.close()

    def list_variables(self) -> dict[str, str]:
        """Return the variables for what the run starts."""
        return {name: text for thread in self._threads for name, text in thread.reporter.list_variables().items()}

    def list_failed(self) -> list[str]:
        """Return the variables that name the servers which have failed."""
        return [thread.reporter.variable for thread in self._threads if thread.has_failed]

    def set_variables(self) -> None:
        """Set these variables of this process."""
        variables = self.list_variables()
        self._before |= {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)

    def restore_variables(self) -> None:
        """Set the variables of this process as they were."""
        for name, text in self._before.items():
            if text is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = text
        self._before.clear()

    def _add(self, make: Callable[[], Reporter]) -> None:
        try:
            self._threads.append(ReporterThread(make()))
        except ReportError as error:
            _log.warning("nothing is reported: %s; the run goes on", error)
        except Exception as broken:  # its text may hold what a variable holds
            _log.warning("nothing is reported: %s in Ovenbird; the run goes on", type(broken).__name__)
