"""Run the lines of a sweep, so many at once, each in a process of its own; stop them all on a signal."""

from __future__ import annotations

import contextlib
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, Protocol

from ...common.fork_template import fork_child
from ...common.ready_descriptors import find_ready
from ...errors import OvenbirdError
from ...platform import keys
from ...platform.data_dir import backend_name
from ...platform.store import FINAL, EntityStore
from .line_process import LinePipes, run_line
from .lines import Line
from .outcome import RECORDED, Outcome, ProcessEnd, make_brief_outcome, make_unrun_outcome, read_outcome
from .plan import SharedFunction, SweepPlan

_STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_TWICE = 1.0  # seconds in which a second signal counts as the same one: a terminal and a parent may both send it
_LOOK = 0.25  # seconds between two looks at the progress
_LONGEST = 65536  # bytes that are read at once


class LineReporter(Protocol):
    """Tells people and programs what becomes of the lines.

    `reads_records`: `end` is told what the records hold; else state, exit status and key are enough.
    """

    reads_records: bool

    def begin(self, line: Line) -> None:
        """Tell that the run of a line begins."""

    def end(self, outcome: Outcome) -> None:
        """Tell how a line has ended, or that it was not run."""

    def show_output(self, number: int, text: str) -> None:
        """Show a line of text that the run of a line has printed."""

    def refresh(self) -> None:
        """Show what has changed since."""

    def tell_stop(self, name: str) -> None:
        """Tell that a signal stops the sweep."""


@dataclass
class LineProcess:
    """The process of a line: the id of its run, when it began, and our ends of its pipes (-1 for none)."""

    line: Line
    pid: int
    identity: str
    began: float
    pipes: LinePipes
    text: bytes = b""  # the beginning of a line that it prints


class SweepPool:
    """The processes of a sweep. `shared` is the function if this process has imported it."""

    def __init__(
        self, plan: SweepPlan, shared: SharedFunction | None, store: EntityStore, reporter: LineReporter
    ) -> None:  # fmt: skip
        self._plan, self._shared, self._store, self._reporter = plan, shared, store, reporter
        self._has_output = backend_name(plan.settings.platform, plan.environ) == "core"
        self._processes: list[LineProcess] = []
        self._signals: deque[int] = deque()
        self._stopped_by = ""
        self._stopped_at = 0.0
        self._codes: set[int] = set()

    def run(self) -> int:
        """Run all lines; return the highest exit status, or that of the signal which stopped the sweep."""
        with self._handling_signals() as wake:
            for line in self._plan.lines:
                while len(self._processes) >= self._plan.parallel and not self._stopped_by:
                    self._wait(wake)
                if self._stopped_by:
                    self._reporter.end(make_unrun_outcome(line))
                else:
                    self._start(line)
                    self._handle_signals()
            while self._processes:
                self._wait(wake)
        if self._stopped_by:
            return 128 + signal.Signals[self._stopped_by]
        return max(self._codes, default=0)

    @contextlib.contextmanager
    def _handling_signals(self) -> Iterator[int]:
        """Have signals wake this process instead of ending it; yield the descriptor that becomes readable."""
        reader, writer = _make_pipe()
        before: dict[int, Any] = {}
        number: int
        for number in _STOPPING:
            # A signal that is ignored at the start stays ignored: nohup and background jobs of a shell rely on it.
            if number == signal.SIGTERM or signal.getsignal(number) != signal.SIG_IGN:
                before[number] = signal.signal(number, lambda number, _: self._signals.append(number))
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        try:
            yield reader
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
            os.close(reader)
            os.close(writer)

    def _start(self, line: Line) -> None:
        """Start the process of a line."""
        self._store.close()  # a connection does not survive a fork
        identity = keys.new_id()
        report, theirs = _make_pipe()
        output, printed = _make_pipe() if self._has_output else (-1, -1)
        began = monotonic()
        # until the child has handlers of its own, a signal would be taken by a copy of ours
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
        try:
            pid = fork_child()
        except OSError as error:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
            _close(report, theirs, output, printed)
            self._tell_unstarted(line, error)
            return
        if pid == 0:
            for process in self._processes:
                _close(*process.pipes)
            _close(report, output)
            os.set_blocking(theirs, True)
            if printed >= 0:
                os.set_blocking(printed, True)
            run_line(self._plan, line, identity, self._shared, self._store, LinePipes(theirs, printed))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
        _close(theirs, printed)
        with contextlib.suppress(OSError):  # so that its group is there when the first signal comes
            os.setpgid(pid, pid)
        self._processes.append(LineProcess(line, pid, identity, began, LinePipes(report, output)))
        self._reporter.begin(line)

    def _tell_unstarted(self, line: Line, error: OSError) -> None:
        """Tell that no process could be started for a line."""
        message = f"no process could be started: {error.strerror or error}"
        failed = {"type": "unstarted", "message": message, "traceback": ""}
        self._codes.add(OvenbirdError.exit_code)
        outcome = replace(make_unrun_outcome(line), state="ERROR", code=OvenbirdError.exit_code, error=failed)
        self._reporter.end(outcome)

    def _wait(self, wake: int) -> None:
        """Wait until a process has ended, printed something, or a signal has come; tell of what has happened."""
        outputs = {process.pipes.output: process for process in self._processes if process.pipes.output >= 0}
        for descriptor in find_ready([wake, *outputs], _LOOK):
            if descriptor == wake:
                with contextlib.suppress(BlockingIOError):
                    os.read(wake, _LONGEST)
            else:
                self._read_output(outputs[descriptor])
        self._handle_signals()
        for process in list(self._processes):
            pid, status = os.waitpid(process.pid, os.WNOHANG)  # not any child: the module may have started some
            if pid:
                self._processes.remove(process)
                self._finish(process, os.waitstatus_to_exitcode(status))
        self._reporter.refresh()

    def _finish(self, process: LineProcess, status: int) -> None:
        """Tell how a line has ended, by its record."""
        while process.pipes.output >= 0 and self._read_output(process):
            pass
        if process.text:
            self._show_text(process, process.text)
        report = b""
        with contextlib.suppress(BlockingIOError):
            report = os.read(process.pipes.report, _LONGEST)
        _close(*process.pipes)
        text, mark, state = report.decode(errors="replace").partition(RECORDED)
        end = ProcessEnd(
            process.pid, status, process.began, monotonic() - process.began, text, self._stopped_by,
            state if mark and state in FINAL else "",
        )  # fmt: skip
        key = keys.run_key(self._plan.project, process.identity)
        if end.recorded and not self._reporter.reads_records:
            outcome = make_brief_outcome(key, process.line, end)
        else:
            outcome = read_outcome(self._store, key, process.line, end, self._plan.environ)
        self._codes.add(outcome.code)
        self._reporter.end(outcome)

    def _read_output(self, process: LineProcess) -> bool:
        """Read what a line has printed, and show its whole lines. Return False if there was nothing to read."""
        try:
            data = os.read(process.pipes.output, _LONGEST)
        except BlockingIOError:
            return False
        if not data:  # closed by the process and by all that it has started
            _close(process.pipes.output)
            process.pipes = process.pipes._replace(output=-1)
            return False
        *whole, process.text = (process.text + data).split(b"\n")
        for text in whole:
            self._show_text(process, text)
        if len(process.text) > _LONGEST:
            self._show_text(process, process.text)
            process.text = b""
        return True

    def _show_text(self, process: LineProcess, text: bytes) -> None:
        self._reporter.show_output(process.line.number, text.decode(errors="backslashreplace"))

    def _handle_signals(self) -> None:
        """Pass the first signal on to each run, as if it was sent to that alone; kill them at the second."""
        while self._signals:
            number = self._signals.popleft()
            if not self._stopped_by:
                self._stopped_by, self._stopped_at = signal.Signals(number).name, monotonic()
                self._reporter.tell_stop(self._stopped_by)
                # a terminal signals all processes of a group, and `kill` one
                send: Callable[[int, int], None] = os.killpg if number == signal.SIGINT else os.kill
            elif monotonic() - self._stopped_at < _TWICE:
                continue
            else:
                number, send = signal.SIGKILL, os.killpg
            for process in self._processes:
                with contextlib.suppress(OSError):  # it has just ended
                    send(process.pid, number)


def _make_pipe() -> tuple[int, int]:
    """Return both ends of a pipe that block neither and that no other program inherits."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    return reader, writer


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        if descriptor >= 0:
            os.close(descriptor)
