"""What a sweep tells: on a terminal a live table, elsewhere a line of the log for each run; JSON Lines for programs."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any, TextIO

import msgspec

from ...common.redact import mask_parameters
from ...common.text import escape_controls, show_value
from ...errors import OutputError
from ..parameters import display_parameters
from ..result_file import is_stdout, print_text
from .lines import Line
from .outcome import COMPLETED, NOT_RUN, Outcome
from .plan import TAG, SweepPlan
from .rows import Row, format_rows, format_values, make_row, make_running_row

_MOST_ROWS = 200  # of the summary; the store has all
_PAUSE = 0.1  # seconds between two drawings of the live table
_NARROW, _LOW = 40, 6  # columns and rows of the smallest terminal that gets a live table
_log = logging.getLogger("ovenbird")


class JsonLines:
    """A stream of JSON objects that may fail: a full disk, or a reader that has gone, ends no run."""

    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream = stream
        self._name = name
        self.has_failed = False
        self._is_open = True

    def write(self, value: Any) -> None:
        """Write one object. The first failure is logged, and is the last attempt."""
        if not self._is_open:
            return
        try:
            print_text(self._stream, msgspec.json.encode(value).decode() + "\n")
        except (OSError, ValueError) as error:
            self._is_open = False
            if getattr(error, "errno", None) not in (errno.EPIPE, errno.EBADF):
                self.has_failed = True
                _log.error("cannot write to %s: %s", self._name, getattr(error, "strerror", None) or error)


class Progress:
    """How far a sweep is: the lines that run, how many have ended, and the rows of those."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.states: Counter[str] = Counter()
        self.running: dict[int, tuple[float, dict[str, Any]]] = {}
        self.rows: list[Row] = []
        self.reused = 0
        self._began = monotonic()

    def begin(self, line: Line) -> None:
        """Add a line that runs."""
        self.running[line.number] = monotonic(), mask_parameters(display_parameters(line.parameters))

    def end(self, outcome: Outcome) -> None:
        """Add the row of a line that has ended, or was not run."""
        self.running.pop(outcome.number, None)
        self.states[outcome.state] += 1
        self.reused += bool(outcome.reused_from)
        self.rows.append(make_row(outcome))

    def describe(self) -> str:
        """Return the state of the sweep in one line."""
        parts = [f"{count} {state}" for state, count in sorted(self.states.items())]
        parts += [f"{len(self.running)} running"] if self.running else []
        parts += [f"{self.reused} reused"] if self.reused else []
        seconds = monotonic() - self._began
        return f"{sum(self.states.values())} of {self.count} lines: {', '.join(parts) or 'none'}; {seconds:.1f} s"


class LiveTable:
    """A table on a terminal that is drawn again in its place; it never takes more rows than the terminal has."""

    def __init__(self, progress: Progress, stream: TextIO) -> None:
        self._progress, self._stream = progress, stream
        self._height = 0  # lines that are drawn now
        self._drawn = 0.0

    def draw(self) -> None:
        """Draw the table, unless that was just done."""
        if monotonic() - self._drawn < _PAUSE:
            return
        self._drawn = monotonic()
        size = _measure_terminal(self._stream)
        rows = [
            make_running_row(number, monotonic() - began, parameters)
            for number, (began, parameters) in self._progress.running.items()
        ]
        room = max(1, size.lines - 3)  # the state, the headings, and the line that the cursor is on
        rows = rows[: max(1, room)]
        ended = self._progress.rows[max(0, len(self._progress.rows) - (room - len(rows))) :] if room > len(rows) else []
        text = f"{self._progress.describe()[: size.columns - 1]}\n{format_rows([*ended, *rows], size.columns - 1)}\n"
        self._write(f"{self._erase()}{text}")
        self._height = text.count("\n")

    def print_above(self, text: str) -> None:
        """Print a line of text above the table."""
        self._write(f"{self._erase()}{text}\n")
        self._height, self._drawn = 0, 0.0

    def clear(self) -> None:
        """Remove the table."""
        self._write(self._erase())
        self._height = 0

    def _erase(self) -> str:
        return f"\x1b[{self._height}F\x1b[J" if self._height else ""

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # a closed terminal is no reason to stop
            print_text(self._stream, text)


class SweepReport:
    """The reporter of a sweep: the view for people, JSON Lines on stdout and in the result file, the summary."""

    reads_records = True

    def __init__(self, plan: SweepPlan, results: TextIO | None) -> None:
        self._plan = plan
        self.progress = Progress(len(plan.lines))
        self._table = LiveTable(self.progress, sys.stderr) if _is_live(sys.stderr) else None
        named_stdout = is_stdout(plan.settings.result_file)
        self._is_data = named_stdout or not sys.stdout.isatty()
        self._outputs = [JsonLines(sys.stdout, "stdout")] if self._is_data else []
        if results is not None:
            self._outputs.append(JsonLines(results, f"--result-file {plan.settings.result_file}"))

    def begin(self, line: Line) -> None:
        """Tell that the run of a line begins."""
        self.progress.begin(line)

    def end(self, outcome: Outcome) -> None:
        """Tell how a line has ended, or that it was not run."""
        self.progress.end(outcome)
        for output in self._outputs:
            output.write(outcome.to_dict())
        if self._table is None and outcome.state != NOT_RUN:
            _log_outcome(outcome)

    def show_output(self, number: int, text: str) -> None:
        """Show a line of text that the run of a line has printed."""
        prefixed = f"[{number}] {escape_controls(text)}"
        if self._table is not None:
            self._table.print_above(prefixed)
            return
        with contextlib.suppress(OSError, ValueError):
            print_text(sys.stderr, f"{prefixed}\n")

    def refresh(self) -> None:
        """Draw the table again."""
        if self._table is not None:
            self._table.draw()

    def tell_stop(self, name: str) -> None:
        """Tell that a signal stops the sweep, and how it is ended at once."""
        text = f"{name}: no further line is begun, and each run is asked to stop; once more kills them"
        if self._table is not None:
            self._table.print_above(text)
        else:
            _log.warning("%s", text)

    def conclude(self, code: int) -> int:
        """Print the summary; return the exit status, which is that of a missing output if there was none."""
        if self._table is not None:
            self._table.clear()
        where = f"`ovenbird runs list --where {TAG}={self._plan.identity}`"
        text = f"{self.progress.describe()}; {where} lists them"
        if self._is_data and not _is_for_people(sys.stderr, self._plan.settings.log_format):
            _log.info("%s", text, extra={"fields": {"lines": self.progress.count, **self.progress.states}})
        else:
            stream = sys.stderr if self._is_data else sys.stdout
            width = _measure_terminal(stream).columns if stream.isatty() else 0
            with contextlib.suppress(OSError, ValueError):
                print_text(stream, f"{_format_summary(self.progress.rows, width)}\n{text}\n")
        return code or (OutputError.exit_code if any(output.has_failed for output in self._outputs) else 0)


@contextlib.contextmanager
def open_report(plan: SweepPlan) -> Iterator[SweepReport]:
    """Yield the report of a sweep, whose `--result-file` is there at the end. Errors: OutputError."""
    with open_results(plan.settings.result_file) as results:
        yield SweepReport(plan, results)


@contextlib.contextmanager
def open_results(name: str) -> Iterator[TextIO | None]:
    """Yield the file that `--result-file` names, which is there at the end; None for stdout or no name.

    Errors: OutputError if it cannot be written.
    """
    if not name or is_stdout(name):
        yield None
        return
    from ...common.atomic_files import replacing
    from ...common.output_path import make_parent_folders

    path = Path(os.path.expanduser(name))  # noqa: PTH111  # keeps what it cannot expand
    try:
        make_parent_folders(path)
        with replacing(path) as draft, draft.open("w", encoding="utf-8") as file:
            yield file
    except OSError as error:
        raise OutputError(f"--result-file {show_value(name)} was not written: {error.strerror or error}") from error


def _log_outcome(outcome: Outcome) -> None:
    """Log the end of a line: its state, its run, and why it failed."""
    fields: dict[str, Any] = {"line": outcome.number, "state": outcome.state, "run": outcome.key or None}
    text = f"line {outcome.number} ({format_values(outcome.varied)}): {outcome.state} in {outcome.seconds:.2f} s"
    if outcome.state == COMPLETED:
        suffix = f", reused from {outcome.reused_from}" if outcome.reused_from else ""
        _log.info("%s%s", text, suffix, extra={"fields": fields})
        return
    error = outcome.error or {}
    extra = {"fields": {**fields, "error": error.get("type")}, "traceback": error.get("traceback", "")}
    _log.error("%s: %s", text, error.get("message", ""), extra=extra)


def _format_summary(rows: list[Row], width: int) -> str:
    """Return the table of all lines in their order; of many, first those that have failed."""
    listed = sorted(rows, key=lambda row: row.number)
    if len(listed) <= _MOST_ROWS:
        return format_rows(listed, width)
    failed = [row for row in listed if not row.is_good]
    chosen = sorted([*failed, *(row for row in listed if row.is_good)][:_MOST_ROWS], key=lambda row: row.number)
    rest = len(listed) - len(chosen)
    return f"{format_rows(chosen, width)}\n{rest:,} further lines are not shown here"


def _measure_terminal(stream: TextIO) -> os.terminal_size:
    try:
        size = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        size = os.terminal_size((0, 0))
    return os.terminal_size((size.columns or 100, size.lines or 24))


def _is_live(stream: TextIO) -> bool:
    """Return whether a table can be drawn again in its place: on a terminal that is large enough."""
    if not stream.isatty() or os.environ.get("TERM", "") in ("", "dumb"):
        return False
    size = _measure_terminal(stream)
    return size.columns >= _NARROW and size.lines >= _LOW


def _is_for_people(stream: TextIO, form: str) -> bool:
    """Return whether people read the log: as text, on a terminal, or in a CI service."""
    is_read = stream.isatty() or os.environ.get("CI", "").lower() not in ("", "0", "false")
    return form == "text" or (form == "auto" and is_read)
