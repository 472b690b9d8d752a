"""Ctrl-C while a run is followed: once leaves the run alone, twice deletes it; a terminal that closes leaves it too."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from types import FrameType

SECOND_PRESS = 2.0  # seconds in which a second Ctrl-C counts
_PAUSE = 0.05  # seconds between two looks for it
_LEAVING = (signal.SIGTERM, signal.SIGHUP)


class Detached(BaseException):
    """A signal asks to leave the run alone; not an Exception, so that nothing takes it for one. `status` is 128 + N."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


class SignalWatch:
    """Turns SIGINT, SIGTERM and SIGHUP into `Detached`, once, and counts each further Ctrl-C."""

    def __init__(self) -> None:
        self._first = 0
        self._is_held = False
        self._is_repeated = False  # no Event: its lock may be held by the very thread that the handler interrupts

    @contextlib.contextmanager
    def watch(self) -> Iterator[SignalWatch]:
        """Watch the signals in a block; those that are ignored (`nohup`) stay so."""
        before = {
            number: signal.signal(number, self._handle)
            for number in (signal.SIGINT, *_LEAVING)
            if signal.getsignal(number) is not signal.SIG_IGN
        }
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Let a signal wait until `raise_pending`, in a block that must not be left halfway."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False

    def raise_pending(self) -> None:
        """Raise what has come in such a block. Errors: Detached."""
        if self._first:
            raise Detached(self._first)

    def is_pressed_again(self) -> bool:
        """Wait a moment for a second Ctrl-C, and return whether there was one."""
        if self._first != signal.SIGINT:
            return False
        end = time.monotonic() + SECOND_PRESS
        while not self._is_repeated and time.monotonic() < end:
            time.sleep(_PAUSE)
        return self._is_repeated

    def _handle(self, number: int, _: FrameType | None) -> None:
        if self._first:
            if number == signal.SIGINT:
                self._is_repeated = True
            return
        self._first = number
        if not self._is_held:
            raise Detached(number)
