"""Follow a Job until its end, and print that; Ctrl-C leaves it, or deletes it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from ovenbird.common.text import cut_text, escape_controls
from ovenbird.common.text_table import format_table
from ovenbird.errors import StdoutError

from ..cluster.detach import Detached, SignalWatch
from ..cluster.follow_run import follow_run
from ..cluster.follow_sweep import NOT_RUN, IndexEnd, describe_failure, follow_sweep
from ..cluster.jobs import CreatedJob, delete_job, format_return, settle_failure
from ..cluster.kubectl import Kubectl
from ..cluster.run_end import RunEnd
from ..cluster.run_view import RunView
from ..errors import ClusterError

_LONGEST = 100  # characters of a cell


class FollowCall(Struct, frozen=True):
    """How a Job is followed. `is_own`: it was created by this call, which removes it again when it does not start."""

    kubectl: Kubectl
    view: RunView
    signals: SignalWatch
    start_limit: float = 0.0
    is_json: bool = False
    is_own: bool = False


def follow_job(call: FollowCall, job: CreatedJob) -> int:
    """Follow a Job, print its end, and return its exit status.

    Errors: ClusterError and its subclasses, as of `follow_run`; StdoutError where nobody reads stdout any more.
    """
    try:
        call.signals.raise_pending()
        if job.is_indexed:
            report = SweepReport(is_table=sys.stdout.isatty() and not call.is_json)
            ends = follow_sweep(call.kubectl, job.name, call.view, report.emit, start_limit=call.start_limit)
            return report.finish(ends)
        return _report(call, follow_run(call.kubectl, job.name, call.view, start_limit=call.start_limit))
    except Detached as signal:
        _leave(call, job)
        return signal.status
    except OSError as error:
        raise _make_stdout_error(error, format_return(call.kubectl, job.name)) from None
    except ClusterError as error:
        if settle_failure(call.kubectl, job.name, error, is_own=call.is_own):
            call.view.say("deleted", f"job {job.name}, which has not run")
        raise


def _make_stdout_error(error: OSError, hint: str = "") -> StdoutError:
    return StdoutError(f"cannot write to stdout: {error.strerror or error}", hint=hint)


def _print_last(text: str) -> None:
    """Print what comes after the end of a run. Errors: StdoutError."""
    try:
        print(text, flush=True)
    except OSError as error:
        raise _make_stdout_error(error) from None


def _report(call: FollowCall, end: RunEnd) -> int:
    call.view.finish(f"{end.describe()}{describe_failure(end)}")
    if call.is_json:
        _print_last(json.dumps(end.to_dict()))
    return end.exit_code


def _leave(call: FollowCall, job: CreatedJob) -> None:
    """Say how to come back; a second Ctrl-C deletes the Job."""
    call.view.say("detach", format_return(call.kubectl, job.name))
    if call.signals.is_pressed_again():
        delete_job(call.kubectl, job.name)
        call.view.say("deleted", f"job {job.name}")


class SweepReport:
    """The ends of a sweep on stdout: a table at the end, or a JSON object for each as it comes."""

    def __init__(self, *, is_table: bool) -> None:
        self._is_table = is_table

    def emit(self, row: IndexEnd) -> None:
        """Print an end, unless it goes to the table."""
        if not self._is_table:
            print(json.dumps(row.to_dict()), flush=True)

    def finish(self, rows: Sequence[IndexEnd]) -> int:
        """Print the table, and return the highest exit status: of the indexes that ran, else of the others."""
        if self._is_table:
            cells = [_HEADINGS, *(_make_cells(row) for row in rows)]
            _print_last(format_table(cells, _NUMBERS))
        ran = max((row.end.exit_code for row in rows if row.end.state != NOT_RUN), default=0)
        return ran or max((row.end.exit_code for row in rows), default=0)


_HEADINGS = ["INDEX", "STATE", "SECONDS", "STATUS", "PARAMETERS", "RESULT"]
_NUMBERS = (0, 2, 3)  # columns that are aligned to the right


def _make_cells(row: IndexEnd) -> list[str]:
    end = row.end
    values = {**end.results, **end.outputs}
    result = end.message.partition("\n")[0] if end.exit_code else _format_values(values)
    return [
        str(row.index), end.state, f"{end.seconds:.0f}", str(end.exit_code), _format_values(row.parameters),
        escape_controls(cut_text(result, _LONGEST)),
    ]  # fmt: skip


def _format_values(values: Mapping[str, Any]) -> str:
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}
    return escape_controls(cut_text(" ".join(f"{name}={text}" for name, text in texts.items()), _LONGEST))
