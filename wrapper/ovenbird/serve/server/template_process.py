"""The supervisor's side of a template process: its state, its reports, and requests for forks."""

from __future__ import annotations

import contextlib
import enum
import os
import select
import signal
import socket
from time import monotonic

import msgspec

from .template import ForkRequest, TemplateReport, read_report

_LARGEST = 64 * 1024  # bytes of a message
_PATIENCE = 10.0  # seconds for a fork


class TemplateState(enum.Enum):
    """The states of a template. It refuses to fork if that would be unsafe."""

    LOADING = "loading"
    INITIALISING = "initialising"
    READY = "ready"
    REFUSING = "refusing"


class ForkError(Exception):
    """The template did not fork a worker; the message says why. `is_hanging`: it stands still, and was killed."""

    def __init__(self, message: str, *, is_hanging: bool = False) -> None:
        super().__init__(message)
        self.is_hanging = is_hanging


class TemplateProcess:
    """A template that was forked with number `pid`; `link` is its control socket, `since` when its state began.

    `failure` is the exit status of a failure that the supervisor has reported; 0 without one.
    """

    def __init__(self, pid: int, link: socket.socket) -> None:
        self.pid, self.link = pid, link
        self.state = TemplateState.LOADING
        self.started = self.since = monotonic()
        self.hazards: list[str] = []
        self.failure = 0

    def receive(self, flags: int = 0) -> None:
        """Read one report, and change the state by it. Errors: EOFError when the template has closed its end."""
        report = self._read(flags)
        if report.is_loaded:
            self._enter(TemplateState.INITIALISING)
        elif report.hazards:
            self.hazards = report.hazards
            self._enter(TemplateState.REFUSING)
        elif report.is_ready:
            self._enter(TemplateState.READY)

    def fork_worker(self, request: ForkRequest, worker_link: socket.socket) -> int:
        """Have a worker forked whose control socket is `worker_link`; return its number. Errors: ForkError."""
        try:
            socket.send_fds(self.link, [msgspec.json.encode(request)], [worker_link.fileno()])
            poll = select.poll()
            poll.register(self.link, select.POLLIN)
            if not poll.poll(_PATIENCE * 1000):
                self.kill()
                raise ForkError(f"the template did not answer within {_PATIENCE:g} seconds", is_hanging=True)
            report = self._read()
        except (OSError, EOFError):
            raise ForkError("the template has ended") from None
        if not report.pid:
            raise ForkError(report.failure)
        return report.pid

    def send_signal(self, number: int) -> None:
        """Send a signal to the template."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End the template, and a process by which it forks."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self.send_signal(signal.SIGKILL)  # it may not have its own group yet

    def _read(self, flags: int = 0) -> TemplateReport:
        message = self.link.recv(_LARGEST, flags)
        if not message:
            raise EOFError
        return read_report(message)

    def _enter(self, state: TemplateState) -> None:
        self.state, self.since = state, monotonic()
