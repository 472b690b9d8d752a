"""Stop the handler of a job: by SIGTERM, by Ctrl-C, or when its time is up."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ..common.fork_guard import guard_forks

_ALARM = signal.SIGURG  # ignored by default, so that one which comes late does no harm


class Interrupted(KeyboardInterrupt):
    """Raised in the handler to end it.

    No Exception, which user code may swallow; a KeyboardInterrupt, which event loops and pools let through.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason  # "stopped", "interrupted" or "time limit"


@contextmanager
def interruptible(seconds: float) -> Iterator[None]:
    """Within the block, signals and the end of the time limit (0 for none) raise Interrupted in the main thread.

    A signal, and not an exception set from another thread, so that waiting inside C (`time.sleep`, a read) ends too.
    Only the first one counts: cleaning up, and what is then recorded, must not be cut short by a second.
    """
    reasons = {signal.SIGTERM: "stopped", signal.SIGINT: "interrupted", _ALARM: "time limit"}
    armed = True

    def interrupt(number: int, _: FrameType | None) -> None:
        nonlocal armed
        if armed:
            armed = False
            raise Interrupted(reasons[signal.Signals(number)])

    for number in reasons:
        signal.signal(number, interrupt)
    guard_forks()
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
        for number in reasons:  # the record is being written, and the process ends with it
            signal.signal(number, signal.SIG_IGN)
