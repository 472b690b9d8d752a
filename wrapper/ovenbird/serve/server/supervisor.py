"""The parent of the workers: start them, replace those that end, forward signals. It never runs user code.

As process 1 of a container it also reaps orphans, which would otherwise fill the process table.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import NamedTuple, NoReturn

from ...settings import Settings
from ..observability.metrics import WorkerMetrics
from .control_pipe import END, END_NOW, ENOUGH, READY, RETIRE, RETIRE_NOW
from .oom import memory_kills
from .worker_context import WorkerSlot

_log = logging.getLogger("ovenbird")
_STABLE = 10.0  # seconds of life after which a worker counts as started successfully
_MIN_BACKOFF, _MAX_BACKOFF = 0.25, 30.0  # seconds of back-off
_LOOK = 1.0  # seconds between two checks of the workers' event loops
_SILENCE = 5.0  # seconds beyond the time limit of a call for which an event loop may be blocked
_MIN_SILENCE, _UNLIMITED_SILENCE = 10.0, 60.0  # at least, and if calls have no time limit
_MARGIN = 5.0  # seconds that a worker gets beyond its drain delay and grace before it is killed
_REPORTED = range(70, 80)  # exit statuses of our errors, which the worker has logged
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP)


@dataclass(slots=True)
class WorkerProcess:
    """One worker process. `slot` is its worker id, `link` the control socket; `is_retiring`: it is to be replaced.

    `silent` is the time in seconds for which its event loop has not run, `beats` its heartbeat count at the last check.
    """

    pid: int
    slot: int
    block: int
    link: socket.socket
    started: float
    is_ready: bool = False
    is_retiring: bool = False
    beats: float = 0.0
    silent: float = 0.0


class WorkerActions(NamedTuple):
    """Callbacks of the supervisor: the first two are called in the process of a worker, the others in its own.

    `work` serves and returns an exit status; `end_process` ends the process with it. `close_ports` closes the parent's
    copies of the listening sockets. `reopen_ports` makes these accept connections again after a worker has drained.
    """

    work: Callable[[WorkerSlot], int]
    end_process: Callable[[int], NoReturn]
    close_ports: Callable[[], None]
    reopen_ports: Callable[[], None]


class Supervisor:
    """Keeps `count` workers running until a signal stops it."""

    def __init__(
        self, settings: Settings, count: int, blocks: list[WorkerMetrics], actions: WorkerActions
    ) -> None:  # fmt: skip
        self.settings = settings
        self.count = count
        self.forgiving = settings.reload  # --reload: a worker that fails to start is tried again at the next change
        self._actions = actions
        self._children: dict[int, WorkerProcess] = {}
        self._counters = blocks  # more blocks than workers: a retiring worker overlaps with its successor
        self._blocks = list(range(len(blocks) - 1, -1, -1))  # free blocks
        self._due: dict[int, float] = {}  # slot -> when to start its next worker
        self._failures = dict.fromkeys(range(count), 0)
        self._was_ready = False  # whether any worker was ever ready
        self._stopping = 0.0
        self._code = 0
        self._memory_kills = memory_kills()
        self._silence = _max_silence(settings)
        self._last_look = monotonic()
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll = select.poll()

    def run(self) -> int:
        """Run until the last worker has ended, and return the exit status."""
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
                    self._handle_signals(os.read(self._wake_read, 1024))
                else:
                    self._receive_words(descriptor)
            self._reap()
            self._watch()
            if self._stopping and monotonic() > self._stopping:
                self._kill()

    def wake(self) -> None:
        """Replace every worker, for `--reload`. May be called in any thread."""
        os.write(self._wake_write, bytes([signal.SIGHUP]))

    def _pause(self) -> int | None:
        """Return the milliseconds until the next action is due; None if there is none."""
        times = [*self._due.values(), *([self._stopping] if self._stopping else [])]
        if self._silence and any(child.is_ready for child in self._children.values()):
            times.append(self._last_look + _LOOK)
        return max(0, int((min(times) - monotonic()) * 1000) + 1) if times else None

    def _start_due(self) -> None:
        now = monotonic()
        for slot in [slot for slot, when in self._due.items() if when <= now]:
            if not self._blocks:  # too many workers are retiring: wait until one has ended
                self._due[slot] = now + _MIN_BACKOFF
                continue
            del self._due[slot]
            self._start(slot)

    def _start(self, slot: int) -> None:
        self._actions.reopen_ports()
        block = self._blocks.pop()
        ours, theirs = socket.socketpair()
        late = any(child.is_ready for child in self._children.values())
        pid = os.fork()
        if pid == 0:
            self._run_child(slot, block, ours, theirs, late)
        theirs.close()
        self._poll.register(ours, select.POLLIN)
        self._children[pid] = WorkerProcess(pid, slot, block, ours, monotonic())

    def _run_child(self, slot: int, block: int, ours: socket.socket, theirs: socket.socket, late: bool) -> None:
        """Become a worker. This never returns."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            os.setpgid(0, 0)  # Ctrl-C at a terminal signals the parent only, which forwards it
            os.close(self._wake_read)
            os.close(self._wake_write)
            for link in (ours, *(child.link for child in self._children.values())):
                link.close()  # otherwise the other workers would not notice the end of the parent
            code = self._actions.work(WorkerSlot(slot, block, theirs.fileno(), late))
        except BaseException:
            _log.exception("worker %d failed", slot)
        finally:
            self._actions.end_process(code)

    def _receive_words(self, descriptor: int) -> None:
        child = next(child for child in self._children.values() if child.link.fileno() == descriptor)
        try:
            word = child.link.recv(64)
        except ConnectionError:
            word = b""
        if not word:
            self._poll.unregister(descriptor)
        if READY in word:
            self._mark_ready(child)
        if ENOUGH in word and not child.is_retiring and not self._stopping:
            child.is_retiring = True
            self._due[child.slot] = 0.0

    def _mark_ready(self, child: WorkerProcess) -> None:
        """Mark a worker as ready, and make its predecessors drain. They have served until now."""
        child.is_ready = self._was_ready = True
        for other in self._children.values():
            if other is not child and other.slot == child.slot:
                with contextlib.suppress(OSError):
                    other.link.send(RETIRE_NOW if self.forgiving else RETIRE)
        if (
            self.count > 1
            and sum(other.is_ready and not other.is_retiring for other in self._children.values()) == self.count
        ):
            _log.info("%d workers are ready", self.count)

    def _handle_signals(self, numbers: bytes) -> None:
        for number in numbers:
            if number == signal.SIGHUP and not self._stopping:
                self._replace_all()
            elif number in (signal.SIGTERM, signal.SIGINT):
                self._stop(number)

    def _stop(self, number: int) -> None:
        """Tell the workers that the service ends, and forward the signal: a starting worker cannot listen yet."""
        if not self._stopping:
            self._actions.close_ports()
            self._stopping = monotonic() + self.settings.drain_delay + self.settings.grace + _MARGIN
        self._due.clear()
        for child in self._children.values():
            with contextlib.suppress(OSError):
                child.link.send(END_NOW if number == signal.SIGINT else END, socket.MSG_DONTWAIT)
        self._send(number)

    def _replace_all(self) -> None:
        """Replace every worker. A ready worker serves until its successor is ready."""
        for child in self._children.values():
            if not child.is_ready and not child.is_retiring:
                os.kill(child.pid, signal.SIGTERM)
            child.is_retiring = True
        for slot in range(self.count):  # also those that wait for the end of their back-off
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

    def _watch(self) -> None:
        """Kill workers whose event loop has not run for too long, most likely because code holds the GIL.

        Only time in which this process ran counts, so that a frozen container does not kill its workers.
        """
        now = monotonic()
        passed = now - self._last_look
        if passed < _LOOK or not self._silence or self._stopping:
            return
        self._last_look = now
        for child in self._children.values():
            block = self._counters[child.block]
            if not child.is_ready or block.beats != child.beats:
                child.beats, child.silent = block.beats, 0.0
            else:
                child.silent += min(passed, 2 * _LOOK)
            block.set_silence(child.silent)
            if child.silent > self._silence:
                _log.error(
                    "worker %d (process %d) is killed: its event loop has not run for %.0f seconds, "
                    "as code holds the interpreter's lock or blocks the loop; its calls are lost",
                    child.slot, child.pid, child.silent,
                )  # fmt: skip
                block.kill()
                child.silent = 0.0
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGKILL)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            child = self._children.pop(pid, None)
            if child is not None:  # otherwise an orphan that process 1 has inherited
                self._handle_end(child, status)

    def _handle_end(self, child: WorkerProcess, status: int) -> None:
        with contextlib.suppress(KeyError):
            self._poll.unregister(child.link)
        child.link.close()
        self._counters[child.block].end()
        self._blocks.append(child.block)
        code = os.waitstatus_to_exitcode(status)
        if self._stopping:
            if child.is_ready or not self._was_ready:  # the status of a worker that was still starting does not count
                self._code = self._code or (code if code >= 0 else 128 - code)
            return
        if child.is_retiring:
            return
        why = self._describe_end(code)
        if not self._was_ready and not self.forgiving:
            # no worker was ever ready: a new one would fail too, and our exit status has to show it
            if code not in _REPORTED:
                _log.error("worker %d %s before it was ready", child.slot, why)
            self._code = code if code >= 0 else 128 - code
            self._stop(signal.SIGTERM)
            return
        self._restart(child, why)

    def _describe_end(self, code: int) -> str:
        """Return how a worker ended, for the log."""
        if code >= 0:
            return f"ended with status {code}"
        before, self._memory_kills = self._memory_kills, memory_kills()
        cause = ": out of memory" if code == -signal.SIGKILL and self._memory_kills > before else ""
        return f"was killed by {signal.Signals(-code).name}{cause}"

    def _restart(self, child: WorkerProcess, why: str) -> None:
        """Schedule the successor of a worker: at once if that was stable, else after a pause that doubles."""
        if self.forgiving and not child.is_ready:
            _log.warning("the worker %s; waiting for a change", why)
            return
        lived = monotonic() - child.started
        failures = self._failures[child.slot] = 0 if lived > _STABLE else self._failures[child.slot] + 1
        pause = min(_MAX_BACKOFF, _MIN_BACKOFF * 2 ** (failures - 2)) if failures > 1 else 0.0
        _log.error(
            "worker %d (process %d) %s; a new one starts%s",
            child.slot,
            child.pid,
            why,
            f" in {pause:g} s" if pause else "",
        )
        self._due[child.slot] = monotonic() + pause


def _max_silence(settings: Settings) -> float:
    """Return the seconds for which the event loop of a worker may be blocked; 0 for no limit.

    There is no limit with `--reload`, because a debugger may have stopped the code.
    """
    if settings.reload:
        return 0.0
    return max(settings.timeout + _SILENCE, _MIN_SILENCE) if settings.timeout else _UNLIMITED_SILENCE
