"""The process of many runs that the API has started: it imports the function once, and forks a process for each run."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from collections.abc import Iterator
from typing import NoReturn

from ..common.lifeline import end_with_writer
from ..common.process_exit import end_process
from ..errors import OvenbirdError
from ..function.tracebacks import summarize_error
from ..job.sweep.lines import Line
from ..job.sweep.outcome import NOT_RUN, Outcome
from ..job.sweep.plan import SweepPlan
from ..job.sweep.sweep import make_plan, run_sweep
from ..logging_config import configure
from .child_report import describe_error, open_stream, report
from .map_request import MapRequest


def main(request_descriptor: int, report_descriptor: int) -> NoReturn:
    """Become the process of many runs, and end with their highest exit status."""
    for descriptor in (request_descriptor, report_descriptor):
        os.set_inheritable(descriptor, False)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    code = 1
    try:
        with io.open(request_descriptor, "rb", closefd=False) as pipe:  # noqa: UP020  # of a descriptor
            request = MapRequest.decode(pipe.readline())
        end_with_writer(request_descriptor)
        code = _run(request, report_descriptor)
    except OvenbirdError as error:
        code = error.exit_code
        report(report_descriptor, error=describe_error(error))
    except Exception as broken:
        report(report_descriptor, error={"code": "error", "message": summarize_error(broken), "hint": "", "cause": ""})
    end_process(code)


def _run(request: MapRequest, report_descriptor: int) -> int:
    sys.stdout, sys.stderr = open_stream(1), open_stream(2)
    settings = request.settings
    configure("text" if settings.log_format == "auto" else settings.log_format, settings.log_level)
    lines = [Line(number, parameters) for number, parameters in enumerate(request.lines, 1)]

    @contextlib.contextmanager
    def open_reporter(_: SweepPlan) -> Iterator[PipeReporter]:
        yield PipeReporter(report_descriptor)

    return run_sweep(make_plan(request.target, settings, os.environ, request.launch, lines), open_reporter)


class PipeReporter:
    """Tells the parent of each run that has ended: its number, its key, and the error of one without a record.

    The parent reads the record itself.
    """

    reads_records = False

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def begin(self, line: Line) -> None:
        """Do nothing: the parent is told of ends."""

    def end(self, outcome: Outcome) -> None:
        """Tell how a run has ended."""
        if outcome.state == NOT_RUN:
            return
        message = (outcome.error or {}).get("message", "")
        report(self._descriptor, number=outcome.number, key=outcome.key, message=message)

    def show_output(self, number: int, text: str) -> None:
        """Print what a run has printed, where the store keeps no log."""
        print(f"[{number}] {text}")

    def refresh(self) -> None:
        """Do nothing: there is no live table."""

    def tell_stop(self, name: str) -> None:
        """Do nothing: the parent has asked for it."""

    def conclude(self, code: int) -> int:
        """Return the exit status."""
        return code
