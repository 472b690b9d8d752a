"""Interrupt the handler of a job: on SIGTERM, Ctrl-C or a closed terminal, or at the end of its time limit."""

from __future__ import annotations

import _thread
import contextlib
import contextvars
import faulthandler
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType

from ..common.fork_guard import guard_forks
from ..errors import HandlerTimeoutError

TIME_LIMIT = "time limit"
_ALARM = signal.SIGURG  # ignored by default, so a late one does no harm
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_REPETITION = "again"
_PAUSE = 1.0  # seconds from one repetition to the next
_MARGIN = 5.0  # seconds after the time of the forced end, for the case that no Python thread can run
_TWICE = (
    1.0  # seconds in which a second signal counts as the same one: a terminal and a parent process may both send it
)


_held: list[int] = []  # signals that came before an `Interruption` could take them


def hold_signals() -> None:
    """Hold the signals that would end this process until `Interruption` takes them: its run has a record now."""
    for number in _SIGNALS:
        if _is_taken(number):
            signal.signal(number, _hold)


def _hold(number: int, _: FrameType | None) -> None:
    _held.append(number)


def _is_taken(number: int) -> bool:
    """Return whether a signal ends a run. One that is ignored at the start stays ignored, for nohup and shells."""
    return number == signal.SIGTERM or signal.getsignal(number) != signal.SIG_IGN


class RunInterrupted(KeyboardInterrupt):
    """Raised in the handler to end it. `reason` is the name of a signal, or TIME_LIMIT.

    It is not an Exception, because user code may swallow those. It is a KeyboardInterrupt, because event loops and
    pools let that through.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    @property
    def exit_code(self) -> int:
        """Return the exit status of a process that this signal ends; 0 for the time limit."""
        return 0 if self.reason == TIME_LIMIT else 128 + signal.Signals[self.reason]

    def describe_end(self, limit: float) -> tuple[str, int, dict[str, str]]:
        """Return state, exit status and error of the run that it ends; `limit` is its time limit in seconds."""
        if self.reason == TIME_LIMIT:
            message = f"stopped by the time limit of {limit:g} seconds"
            state, code, kind = "ERROR", HandlerTimeoutError.exit_code, HandlerTimeoutError.code
        else:
            state, code, kind = "STOPPED", self.exit_code, "stopped"
            message = f"stopped by {self.reason}"
        return state, code, {"type": kind, "message": message, "traceback": ""}


class Interruption:
    """Within the block, signals and the end of the time limit (0 for none) raise RunInterrupted in the main thread.

    The time limit sends a signal too, because an exception set from another thread does not end a wait inside C code
    (`time.sleep`, a read).

    User code may swallow the exception (a bare `except:`), or wait while it passes (a pool that waits for its work).
    For half of `grace` seconds it may clean up undisturbed; then the exception is raised again each second. After
    `grace` (0 for never) `force` is called with the reason, in another thread; it has to end the process.
    """

    def __init__(self, limit: float, grace: float, force: Callable[[RunInterrupted], None]) -> None:
        self._limit, self._grace, self._force = limit, grace, force
        self._is_armed = False
        self._reason = ""  # of the interruption that has begun
        self._started = 0.0
        self._end_event = threading.Event()  # of that interruption
        self._alarm_for = ""  # TIME_LIMIT or _REPETITION where an alarm is ours
        self._main_ident = threading.main_thread().ident or 0
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Interruption:
        self._is_armed = True
        self._context = contextvars.copy_context()  # holds the ids for the log
        guard_forks()
        for number in _SIGNALS:
            if _is_taken(number):
                signal.signal(number, self._interrupt)
        signal.signal(_ALARM, self._interrupt)
        if self._limit:
            self._timer = threading.Timer(self._limit, self._alarm)
            self._timer.daemon = True
            self._timer.start()
            if self._grace:
                # No Python thread runs while C code holds the GIL. The thread of `faulthandler` does: it prints where.
                faulthandler.dump_traceback_later(
                    self._limit + self._grace + _MARGIN, exit=True, file=sys.__stderr__ or 2
                )
        if _held:
            self._interrupt(_held.pop(), None)
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self.end()

    def settle(self) -> None:
        """End an interruption that the handler has swallowed: it has returned, and its outputs are stored."""
        self._end_event.set()
        if self._reason == TIME_LIMIT:
            faulthandler.cancel_dump_traceback_later()
        self._reason = ""

    def end(self) -> None:
        """Ignore signals from now on: the record is being written, and then the process ends."""
        self._is_armed = False
        self._end_event.set()
        self._cancel_timers()
        for number in (*_SIGNALS, _ALARM):
            signal.signal(number, signal.SIG_IGN)

    def _cancel_timers(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            faulthandler.cancel_dump_traceback_later()

    def _interrupt(self, number: int, _: FrameType | None) -> None:
        if not self._is_armed:
            return
        alarm, now = self._alarm_for if number == _ALARM else "", time.monotonic()
        if number == _ALARM:
            self._alarm_for = ""
            # not sent by us, or the interruption has just ended
            if not alarm or (alarm == _REPETITION and not self._reason):
                return
        if not self._reason:
            self._reason = TIME_LIMIT if alarm else signal.Signals(number).name
            self._started, self._end_event = now, threading.Event()
            if self._grace:
                # No threading.Thread: the signal may have come while this thread holds that module's locks.
                with contextlib.suppress(RuntimeError):  # no thread can be started
                    _thread.start_new_thread(self._repeat_until_end, (self._end_event, RunInterrupted(self._reason)))
        elif not alarm and now - self._started < _TWICE:
            return
        raise RunInterrupted(self._reason)

    def _alarm(self, reason: str = TIME_LIMIT) -> None:
        self._alarm_for = reason
        signal.pthread_kill(self._main_ident, _ALARM)

    def _repeat_until_end(self, over: threading.Event, interrupted: RunInterrupted) -> None:
        """Raise the exception again each second after half of the grace period, and force the end after all of it."""
        end = time.monotonic() + self._grace
        pause = self._grace / 2
        while not over.wait(min(pause, max(0.0, end - time.monotonic()))):
            if time.monotonic() >= end:
                self._context.run(self._force, interrupted)
                return
            self._alarm(_REPETITION)
            pause = _PAUSE


class Uninterrupted:
    """Takes no signal: those of this process belong to the program that has called for the run.

    Ctrl-C of that program ends the run all the same: within the block its KeyboardInterrupt becomes RunInterrupted.
    """

    def __enter__(self) -> Uninterrupted:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is None or isinstance(error, RunInterrupted):
            return
        # what init or the handler have raised comes in another error, `from None`
        original = error.__context__ if error.__suppress_context__ else None
        if isinstance(error, KeyboardInterrupt) or isinstance(original, KeyboardInterrupt):
            raise RunInterrupted("SIGINT") from error

    def settle(self) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""
