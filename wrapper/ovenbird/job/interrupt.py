"""Stop the handler of a job: by SIGTERM, Ctrl-C or a terminal that was closed, or when its time is up."""

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

TIME_LIMIT = "time limit"
_ALARM = signal.SIGURG  # ignored by default, so that one which comes late does no harm
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_AGAIN = "again"
_PAUSE = 1.0  # seconds from one repetition to the next
_MARGIN = 5.0  # seconds after the forced end, for one that cannot come about
_TWICE = 1.0  # seconds within which a second signal is the first one's echo: of a terminal, and of a parent


class RunInterrupted(KeyboardInterrupt):
    """Raised in the handler to end it. `reason` is the name of a signal, or TIME_LIMIT.

    No Exception, which user code may swallow; a KeyboardInterrupt, which event loops and pools let through.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    @property
    def exit_code(self) -> int:
        """The exit status of a process that the signal has ended; 0 for the time limit."""
        return 0 if self.reason == TIME_LIMIT else 128 + signal.Signals[self.reason]


class Interruption:
    """Within the block, signals and the end of the time limit (0 for none) raise RunInterrupted in the main thread.

    A signal, and not an exception set from another thread, so that waiting inside C (`time.sleep`, a read) ends too.

    User code may swallow the exception (a bare `except:`), or wait while it passes (a pool that waits for its work).
    For half of `grace` seconds it may clean up undisturbed; then the exception is raised again each second. After
    `grace` (0 for never) `force` is called with the reason, in another thread; it has to end the process.
    """

    def __init__(self, limit: float, grace: float, force: Callable[[RunInterrupted], None]) -> None:
        self._limit, self._grace, self._force = limit, grace, force
        self._armed = False
        self._reason = ""  # of the interruption that has begun
        self._since = 0.0
        self._over = threading.Event()  # of that interruption
        self._alarm_for = ""  # TIME_LIMIT or _AGAIN where an alarm is ours
        self._main = threading.main_thread().ident or 0
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Interruption:
        self._armed = True
        self._context = contextvars.copy_context()  # which holds the ids that are logged
        guard_forks()
        for number in _SIGNALS:
            # Who ignores a signal at the start means the run to outlive it: nohup, and shells for what runs behind.
            if number == signal.SIGTERM or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._interrupt)
        signal.signal(_ALARM, self._interrupt)
        if self._limit:
            self._timer = threading.Timer(self._limit, self._alarm)
            self._timer.daemon = True
            self._timer.start()
            if self._grace:
                # No thread of ours runs while C code keeps the interpreter's lock; this one of C writes where that is.
                faulthandler.dump_traceback_later(
                    self._limit + self._grace + _MARGIN, exit=True, file=sys.__stderr__ or 2
                )
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self.end()

    def settle(self) -> None:
        """Take note that the handler has returned: what it has swallowed is over, and costs it no output."""
        self._over.set()
        if self._reason == TIME_LIMIT:
            faulthandler.cancel_dump_traceback_later()
        self._reason = ""

    def end(self) -> None:
        """Let signals do nothing from now on: the record is being written, and the process ends with it."""
        self._armed = False
        self._over.set()
        self._cancel_timers()
        for number in (*_SIGNALS, _ALARM):
            signal.signal(number, signal.SIG_IGN)

    def _cancel_timers(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            faulthandler.cancel_dump_traceback_later()

    def _interrupt(self, number: int, _: FrameType | None) -> None:
        if not self._armed:
            return
        alarm, now = self._alarm_for if number == _ALARM else "", time.monotonic()
        if number == _ALARM:
            self._alarm_for = ""
            if not alarm or (alarm == _AGAIN and not self._reason):  # somebody else's; it has ended just now
                return
        if not self._reason:
            self._reason = TIME_LIMIT if alarm else signal.Signals(number).name
            self._since, self._over = now, threading.Event()
            if self._grace:
                # No threading.Thread: the signal may have come while this thread holds that module's locks.
                with contextlib.suppress(RuntimeError):  # no thread can be started any more
                    _thread.start_new_thread(self._pursue, (self._over, RunInterrupted(self._reason)))
        elif not alarm and now - self._since < _TWICE:
            return
        raise RunInterrupted(self._reason)

    def _alarm(self, what: str = TIME_LIMIT) -> None:
        self._alarm_for = what
        signal.pthread_kill(self._main, _ALARM)

    def _pursue(self, over: threading.Event, interrupted: RunInterrupted) -> None:
        """Raise the exception again, each second from half of the grace on, and force the end after it."""
        end = time.monotonic() + self._grace
        pause = self._grace / 2
        while not over.wait(min(pause, max(0.0, end - time.monotonic()))):
            if time.monotonic() >= end:
                self._context.run(self._force, interrupted)
                return
            self._alarm(_AGAIN)
            pause = _PAUSE
