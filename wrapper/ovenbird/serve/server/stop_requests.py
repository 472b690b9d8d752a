"""How a worker is asked to stop: by a signal, by a message of its parent, by the end of its parent."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal

from ..lifecycle.state import WorkerLifecycle, WorkerState
from .control_pipe import END, END_NOW, ENOUGH, RETIRE_NOW
from .worker_context import WorkerSlot

_log = logging.getLogger("ovenbird")


class StopRequests:
    """The requests that one worker has got so far.

    `stop` is set for a drain, `hurry` for one without delay, `force` for one that does not wait for calls in flight.
    `is_retiring`: a successor serves. `signal_number` is the signal that ended the service.
    """

    def __init__(self, slot: WorkerSlot, lifecycle: WorkerLifecycle) -> None:
        self.stop = asyncio.Event()
        self.hurry = asyncio.Event()
        self.force = asyncio.Event()
        self.is_retiring = False
        self.signal_number = signal.SIGTERM
        self._link = slot.link
        self._worker_id = slot.number
        self._lifecycle = lifecycle
        self._is_ending = False  # the parent has said that the service ends
        self._was_signalled = False  # this worker alone got a signal, and has asked for its successor

    @property
    def has_parent(self) -> bool:
        """Return whether there is a parent that starts a successor."""
        return self._link >= 0

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Handle signals and the messages of the parent from now on."""
        if self.has_parent:
            os.set_blocking(self._link, False)
            loop.add_reader(self._link, self.read_words)
            loop.add_signal_handler(signal.SIGTERM, self._handle_own_signal)
            loop.add_signal_handler(signal.SIGINT, self._handle_own_signal)
        else:
            self._watch_service_signals(loop)

    def write_word(self, word: bytes) -> None:
        """Send a message to the parent, if there is one."""
        if self.has_parent:
            with contextlib.suppress(OSError):  # the parent is gone
                os.write(self._link, word)

    def _watch_service_signals(self, loop: asyncio.AbstractEventLoop) -> None:
        """Handle signals as signals for the whole service: this process has no parent."""
        loop.add_signal_handler(signal.SIGTERM, self._terminate)
        loop.add_signal_handler(signal.SIGINT, self._interrupt)

    def _handle_own_signal(self) -> None:
        """Handle a signal in a worker with a parent.

        The parent announces the end of the service before it sends a signal. A signal without that is for this worker
        alone: it serves until the parent has started another one. A second signal ends it at once.
        """
        self.read_words()
        if self._is_ending or self.stop.is_set():
            return
        if self._lifecycle.state is not WorkerState.READY:
            self.stop.set()
        elif self._was_signalled:
            self.is_retiring = True
            self.hurry.set()
            self.stop.set()
        else:
            self._was_signalled = True
            _log.info("worker %d got a signal of its own: it is replaced", self._worker_id)
            self.write_word(ENOUGH)

    def _terminate(self) -> None:
        """Drain at the first SIGTERM; end the drain delay at the second one. Neither loses an accepted call."""
        if self.stop.is_set():
            self.hurry.set()
        self.stop.set()

    def _interrupt(self) -> None:
        """Drain without delay at Ctrl-C, as there is no load balancer; stop calls in flight at the second one."""
        if self.stop.is_set():
            self.force.set()
        else:
            self.signal_number = signal.SIGINT
        self.hurry.set()
        self.stop.set()

    def read_words(self) -> None:
        """Read the messages of the parent, if there is one. If it is gone, drain: nobody else would end this process.

        To be called now and then: of a parent that was killed before it had read our messages the loop says nothing,
        as libuv stops to watch a socket that has an error.
        """
        if not self.has_parent:
            return
        try:
            words = os.read(self._link, 64)
        except BlockingIOError:
            return
        except ConnectionError:
            words = b""
        if not words:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._link)
            self._link = -1
            self._watch_service_signals(loop)
            _log.warning("the parent process is gone: draining")
            self.stop.set()
        for number in words:
            word = bytes([number])
            if word in (END, END_NOW):
                self._is_ending = True
                self._terminate() if word == END else self._interrupt()
            elif not self.stop.is_set():
                self.is_retiring = True
                if word == RETIRE_NOW:
                    self.hurry.set()
                self.stop.set()
