"""Interrupt an async handler that blocks the event loop, which no timer of the loop itself can do."""

from __future__ import annotations

import logging
import signal
import threading
import time
from pathlib import Path
from time import perf_counter
from types import FrameType

from ...function.context import current_call
from ..call import CallCancelled, HttpCall, StopReason
from .limiter import ConcurrencyLimiter

_LATE = 0.25  # seconds beyond the time limit: the loop's own timer comes first if it can
_log = logging.getLogger("ovenbird")
_OWN_FOLDER = str(Path(__file__).resolve().parent.parent)
_PLUMBING = ("asyncio", "uvicorn", "uvloop")  # code that must not be interrupted, as it keeps the server's state


class LoopWatchdog(threading.Thread):
    """Interrupts the main thread if its loop is blocked for longer than the time limit while there are calls.

    The handler of a signal raises CallCancelled in the blocking code: a signal ends a `time.sleep` too. C code that
    neither returns nor checks for signals cannot be stopped.
    """

    def __init__(self, name: str, limiter: ConcurrencyLimiter) -> None:
        super().__init__(name="ovenbird-watchdog", daemon=True)
        self.function = name
        self.limiter = limiter
        self.patience = limiter.timeout + _LATE
        self.pause = min(1.0, max(0.05, self.patience / 8))

    def start(self) -> None:
        """Start to watch. Do nothing outside the main thread, the only one that handles signals."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGURG, self._interrupt)
            super().start()

    def run(self) -> None:
        """Check the loop periodically.

        After the whole process was suspended, the loop looks blocked in one check only.
        """
        before = -1.0
        while True:
            time.sleep(self.pause)
            since = self.limiter.ticked
            if self._is_blocked() and since == before:
                _log.warning(
                    "%s has held up the event loop for %.1f seconds and is interrupted; an async handler must not wait "
                    "or compute without await", self.function, perf_counter() - since,
                )  # fmt: skip
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGURG)
            before = since

    def _is_blocked(self) -> bool:
        return bool(self.limiter.calls) and perf_counter() - self.limiter.ticked > self.patience

    def _interrupt(self, _: int, frame: FrameType | None) -> None:
        """Raise CallCancelled if the main thread still runs user code."""
        if not self._is_blocked() or not _in_user_code(frame):
            return
        call = current_call.get()
        if isinstance(call, HttpCall) and call.reason is None:
            call.reason = StopReason.TIMEOUT
        raise CallCancelled


def _in_user_code(frame: FrameType | None) -> bool:
    """Return whether the frame belongs to code that Ovenbird has called, and not to Ovenbird or the server."""
    inner: FrameType | None = None
    while frame is not None and not frame.f_code.co_filename.startswith(_OWN_FOLDER):
        inner, frame = frame, frame.f_back
    return inner is not None and str(inner.f_globals.get("__name__", "")).partition(".")[0] not in _PLUMBING
