"""Stop an async handler that holds up the event loop: no timer of the loop itself can do it."""

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

_LATE = 0.25  # seconds beyond the time limit: the loop's own timer comes first where it can
_log = logging.getLogger("ovenbird")
_OURS = str(Path(__file__).resolve().parent.parent)
_PLUMBING = ("asyncio", "uvicorn", "uvloop")  # code that must not be interrupted, as it keeps the server's state


class LoopWatchdog(threading.Thread):
    """Interrupts the main thread when its loop has stood still for longer than the time limit while there are calls.

    The signal's handler raises CallCancelled where the loop stands still: a signal also ends a `time.sleep`. Code in C
    that neither returns nor looks at signals cannot be stopped.
    """

    def __init__(self, name: str, admission: ConcurrencyLimiter) -> None:
        super().__init__(name="ovenbird-watchdog", daemon=True)
        self.function = name
        self.admission = admission
        self.patience = admission.timeout + _LATE
        self.pause = min(1.0, max(0.05, self.patience / 8))

    def start(self) -> None:
        """Watch from now on. Nothing is watched outside the main thread, the only one that handles signals."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGURG, self._interrupt)
            super().start()

    def run(self) -> None:
        """Look now and then. A process that slept as a whole looks blocked once, and not twice."""
        before = -1.0
        while True:
            time.sleep(self.pause)
            since = self.admission.ticked
            if self._blocked() and since == before:
                _log.warning(
                    "%s has held up the event loop for %.1f seconds and is interrupted; an async handler must not wait "
                    "or compute without await", self.function, perf_counter() - since,
                )  # fmt: skip
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGURG)
            before = since

    def _blocked(self) -> bool:
        return bool(self.admission.calls) and perf_counter() - self.admission.ticked > self.patience

    def _interrupt(self, _: int, frame: FrameType | None) -> None:
        """Raise CallCancelled in the user's code, if that is where the main thread still is."""
        if not self._blocked() or not _in_user_code(frame):
            return
        call = current_call.get()
        if isinstance(call, HttpCall) and call.reason is None:
            call.reason = StopReason.TIMEOUT
        raise CallCancelled


def _in_user_code(frame: FrameType | None) -> bool:
    """Whether neither Ovenbird nor the server runs, but something that Ovenbird has called."""
    inner: FrameType | None = None
    while frame is not None and not frame.f_code.co_filename.startswith(_OURS):
        inner, frame = frame, frame.f_back
    return inner is not None and str(inner.f_globals.get("__name__", "")).partition(".")[0] not in _PLUMBING
