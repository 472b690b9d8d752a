"""Stop the handler of a job: by SIGTERM, by Ctrl-C, or when its time is up."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ALARM = signal.SIGURG  # ignored by default, so that one which comes late does no harm


class Interrupted(BaseException):
    """Raised in the handler to end it. Not an Exception: `except Exception` in user code must not swallow it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason  # "stopped", "interrupted" or "time limit"


@contextmanager
def interruptible(seconds: float) -> Iterator[None]:
    """Within the block, signals and the end of the time limit (0 for none) raise Interrupted in the main thread.

    A signal, and not an exception set from another thread, so that waiting inside C (`time.sleep`, a read) ends too.
    Only the first one counts: what is then recorded must not be cut short by a second.
    """
    reasons = {signal.SIGTERM: "stopped", signal.SIGINT: "interrupted", _ALARM: "time limit"}
    armed = True

    def interrupt(number: int, _: FrameType | None) -> None:
        nonlocal armed
        if armed:
            armed = False
            raise Interrupted(reasons[signal.Signals(number)])

    before = {number: signal.signal(number, interrupt) for number in reasons}
    timer = None
    if seconds:
        main = threading.main_thread().ident or 0
        timer = threading.Timer(seconds, lambda: signal.pthread_kill(main, _ALARM))
        timer.daemon = True
        timer.start()
    try:
        yield
    finally:
        armed = False
        if timer is not None:
            timer.cancel()
        for number in (signal.SIGINT, _ALARM):
            signal.signal(number, before[number])
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the record is being written: SIGTERM has been heard
