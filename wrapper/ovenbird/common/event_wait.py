"""Wait for another thread so that Ctrl-C is noticed."""

from __future__ import annotations

import threading
import time

_STEP = 1.0  # seconds


def wait_for_event(event: threading.Event, timeout: float | None = None) -> bool:
    """Wait until the event is set or `timeout` seconds are over; return whether it is set.

    The system may hand a signal to any thread. Python then raises it in the main thread, once that wakes: so it does
    not sleep for long.
    """
    end = None if timeout is None else time.monotonic() + timeout
    while not event.wait(_STEP if end is None else min(_STEP, max(0.0, end - time.monotonic()))):
        if end is not None and time.monotonic() >= end:
            return False
    return True
