"""The parent of the workers: starts them, replaces those that end, hands on signals. It never runs user code.

As process 1 of a container it also reaps orphans, which would fill the process table otherwise.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from ..settings import Settings

Run = Callable[[int, int, Callable[[bytes], None], int], int]  # (worker id, block, tell, parent's pipe) -> exit status
_log = logging.getLogger("ovenbird")
_STABLE = 10.0  # seconds after which the end of a worker is no longer put down to its start
_FIRST, _LONGEST = 0.25, 30.0  # seconds of back-off
_MARGIN = 5.0  # seconds that a worker gets beyond its drain delay and grace before it is killed
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP)


@dataclass(slots=True)
class Child:
    """One worker process. `slot` is its worker id; `pipe` carries what it tells; `retiring` ones are replaced already."""

    pid: int
    slot: int
    block: int
    pipe: int
    started: float
    ready: bool = False
    retiring: bool = False


class Supervisor:
    """Keeps `count` workers running until it is told to stop."""

    def __init__(self, settings: Settings, count: int, run: Run, *, release: Callable[[], None], forgiving: bool = False) -> None:
        self.settings = settings
        self.count = count
        self.forgiving = forgiving  # --reload: a worker that fails to start is tried again at the next change
        self.restart = False
        self._run = run
        self._release = release  # closes the parent's own copy of the listening socket
        self._children: dict[int, Child] = {}
        self._blocks = list(range(2 * count - 1, -1, -1))  # twice as many: one that retires overlaps with its successor
        self._due: dict[int, float] = {}  # slot -> when to start its next worker
        self._failures = dict.fromkeys(range(count), 0)
        self._served = False  # whether any worker was ever ready
        self._stopping = 0.0
        self._code = 0
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._life_read, self._life_write = os.pipe2(os.O_CLOEXEC)
        self._poll = select.poll()

    def run(self) -> int:
        """Run until the last worker has ended; the exit status."""
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in _SIGNALS:
            signal.signal(number, lambda *_: None)
        self._poll.register(self._wake_read, select.POLLIN)
        self._due = dict.fromkeys(range(self.count), 0.0)
        while True:
            self._start_due()
            if self._stopping and not self._children:
                return self._code
            for descriptor, _ in self._poll.poll(self._pause()):
                if descriptor == self._wake_read:
                    self._signalled(os.read(self._wake_read, 1024))
                else:
                    self._told(descriptor)
            self._reap()
            if self._stopping and monotonic() > self._stopping:
                self._kill()

    def wake(self) -> None:
        """Have every worker replaced: for --reload, from any thread."""
        self.restart = True
        os.write(self._wake_write, bytes([signal.SIGHUP]))

    def _pause(self) -> int | None:
        """Milliseconds until something is due; None when nothing is."""
        times = [*self._due.values(), *([self._stopping] if self._stopping else [])]
        return max(0, int((min(times) - monotonic()) * 1000) + 1) if times else None

    def _start_due(self) -> None:
        now = monotonic()
        for slot in [slot for slot, when in self._due.items() if when <= now]:
            del self._due[slot]
            if not self._stopping:
                self._start(slot)

    def _start(self, slot: int) -> None:
        block = self._blocks.pop()
        read, write = os.pipe2(os.O_CLOEXEC)
        pid = os.fork()
        if pid == 0:
            self._child(slot, block, write)
        os.close(write)
        self._poll.register(read, select.POLLIN)
        self._children[pid] = Child(pid, slot, block, read, monotonic())

    def _child(self, slot: int, block: int, write: int) -> None:
        """Become a worker; never returns."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            os.setpgid(0, 0)  # Ctrl-C at a terminal reaches the parent alone, which hands it on
            for descriptor in (self._life_write, self._wake_read, self._wake_write, *(c.pipe for c in self._children.values())):
                os.close(descriptor)

            def tell(word: bytes) -> None:
                with contextlib.suppress(OSError):
                    os.write(write, word)

            code = self._run(slot, block, tell, self._life_read)
        finally:
            os._exit(code)

    def _told(self, descriptor: int) -> None:
        child = next((child for child in self._children.values() if child.pipe == descriptor), None)
        word = os.read(descriptor, 64)
        if not word:
            self._poll.unregister(descriptor)
        if child is None:
            return
        if b"R" in word:
            child.ready = self._served = True
            if sum(other.ready for other in self._children.values()) == self.count:
                _log.info("%d workers are ready", self.count)
        if b"X" in word and not child.retiring:
            child.retiring = True
            self._due[child.slot] = 0.0

    def _signalled(self, numbers: bytes) -> None:
        for number in numbers:
            if number == signal.SIGHUP and not self._stopping:
                self._replace_all()
            elif number in (signal.SIGTERM, signal.SIGINT):
                self._stop(number)

    def _stop(self, number: int) -> None:
        """Hand a signal on: the workers drain by themselves."""
        if not self._stopping:
            self._release()
            self._stopping = monotonic() + self.settings.drain_delay + self.settings.grace + _MARGIN
        self._due.clear()
        self._send(number)

    def _replace_all(self) -> None:
        """Drain every worker, each after its successor has been started."""
        for child in list(self._children.values()):
            if not child.retiring:
                child.retiring = True
                self._due[child.slot] = 0.0
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGINT)
        for slot in range(self.count):  # those that wait for the end of their back-off
            self._failures[slot] = 0
            self._due[slot] = 0.0

    def _send(self, number: int) -> None:
        for pid in list(self._children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _kill(self) -> None:
        _log.error("%d workers did not end within the grace limit and are killed", len(self._children))
        self._send(signal.SIGKILL)
        self._stopping = monotonic() + _MARGIN

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            child = self._children.pop(pid, None)
            if child is not None:  # else an orphan that process 1 has inherited
                self._ended(child, status)

    def _ended(self, child: Child, status: int) -> None:
        with contextlib.suppress(KeyError):
            self._poll.unregister(child.pipe)
        os.close(child.pipe)
        self._blocks.append(child.block)
        code = os.waitstatus_to_exitcode(status)
        if self._stopping:
            self._code = self._code or (code if code >= 0 else 128 - code)
            return
        if child.retiring:
            return
        why = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        if not self._served and not self.forgiving:
            # it never worked: starting it again would fail again, and whoever started us should know
            _log.error("worker %d %s before it was ready", child.slot, why)
            self._code = code if code >= 0 else 128 - code
            self._stop(signal.SIGTERM)
            return
        self._again(child, why)

    def _again(self, child: Child, why: str) -> None:
        """Start a worker's successor: at once when it had lived for a while, else after a pause that doubles."""
        if self.forgiving and not child.ready:
            _log.warning("worker %d %s; waiting for a change", child.slot, why)
            return
        lived = monotonic() - child.started
        failures = self._failures[child.slot] = 0 if lived > _STABLE else self._failures[child.slot] + 1
        pause = min(_LONGEST, _FIRST * 2 ** (failures - 2)) if failures > 1 else 0.0
        _log.error("worker %d (process %d) %s; a new one starts%s", child.slot, child.pid, why, f" in {pause:g} s" if pause else "")
        self._due[child.slot] = monotonic() + pause
