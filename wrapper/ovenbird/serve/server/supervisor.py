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
from time import monotonic

from ...settings import Settings
from ..observability.metrics import SharedMetrics
from .control_pipe import BEGUN, END, END_NOW, ENOUGH, OVERTIME, READY, RETIRE, RETIRE_NOW
from .heartbeats import HeartbeatWatch
from .preloader import HINT, Preloader
from .process_ends import REPORTED, STABLE, EndDescriber, back_off, format_restart, status_of
from .template import ForkRequest
from .template_process import ForkError, TemplateProcess
from .worker_context import WorkerSlot
from .worker_process import WorkerActions, WorkerProcess

_log = logging.getLogger("ovenbird")
_RETRY = 0.25  # seconds until a start is tried again if too many workers are retiring
_MARGIN = 5.0  # seconds that a worker gets beyond its drain delay and grace before it is killed
_FORKED = 10.0  # seconds in which the event loop of a forked worker begins to run
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP)
_CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)


class Supervisor:
    """Keeps `count` workers running until a signal stops it."""

    def __init__(
        self, settings: Settings, count: int, metrics: SharedMetrics, actions: WorkerActions
    ) -> None:  # fmt: skip
        self.settings = settings
        self.count = count
        self.forgiving = settings.reload  # --reload: a worker that fails to start is tried again at the next change
        self._actions = actions
        self._children: dict[int, WorkerProcess] = {}
        self._metrics = metrics
        blocks = metrics.blocks  # more blocks than workers: a retiring worker overlaps with its successor
        self._blocks = list(range(len(blocks) - 1, -1, -1))  # free blocks
        self._due: dict[int, float] = {}  # slot -> when to start its next worker
        self._failures = dict.fromkeys(range(count), 0)
        self._was_ready = False  # whether any worker was ever ready
        self._stopping = 0.0
        self._code = 0
        self._ends = EndDescriber()
        self._heartbeats = HeartbeatWatch(settings, blocks)
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll = select.poll()
        self._preloader = Preloader(settings, self._poll, self._start_template, actions.report_late_init)

    def run(self) -> int:
        """Run until the last worker has ended, and return the exit status."""
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in _SIGNALS:
            signal.signal(number, lambda *_: None)
        self._poll.register(self._wake_read, select.POLLIN)
        self._due = dict.fromkeys(range(self.count), 0.0)
        if self._preloader.is_active:
            self._preloader.start()
        while True:
            self._start_due()
            if self._stopping and not self._children:
                self._preloader.close_all()
                if not any(self._preloader.list_templates()):
                    return self._code
            for descriptor, _ in self._poll.poll(self._pause()):
                if descriptor == self._wake_read:
                    self._handle_signals(os.read(self._wake_read, 1024))
                elif template := self._preloader.find(descriptor):
                    self._receive_report(template)
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
        times = [*([] if self._preloader.is_waiting else self._due.values())]
        times += [self._stopping] if self._stopping else []
        if not self._stopping:
            look = self._heartbeats.next_look(self._children.values())
            deadlines = [self._start_deadline(child) for child in self._children.values()]
            times += filter(None, (look, self._preloader.deadline, self._preloader.due, *deadlines))
        return max(0, int((min(times) - monotonic()) * 1000) + 1) if times else None

    def _start_due(self) -> None:
        now = monotonic()
        if self._preloader.due is not None and self._preloader.due <= now:
            self._preloader.start()
        for slot in [slot for slot, when in self._due.items() if when <= now]:
            if self._preloader.is_waiting:
                return
            if not self._blocks:  # too many workers are retiring: wait until one has ended
                self._due[slot] = now + _RETRY
                continue
            del self._due[slot]
            self._start(slot)

    def _start(self, slot: int) -> None:
        self._actions.reopen_ports()
        block = self._blocks.pop()
        ours, theirs = socket.socketpair()
        is_late = any(child.is_ready for child in self._children.values())
        template = self._preloader.current if self._preloader.is_active else None
        started = monotonic()
        try:
            if template is not None:
                pid = template.fork_worker(ForkRequest(slot, block, is_late), theirs)
            else:
                pid = self._fork(
                    lambda: self._actions.work(WorkerSlot(slot, block, theirs.fileno(), is_late)),
                    f"worker {slot}",
                    ours,
                )
        except ForkError as error:
            ours.close()  # if there is a worker all the same, it ends without its parent
            self._blocks.append(block)
            if error.is_hanging:
                self._give_up_preload(str(error))
            else:
                self._delay(slot, f"worker {slot} could not be forked: {error}")
            return
        finally:
            theirs.close()
        self._poll.register(ours, select.POLLIN)
        self._children[pid] = WorkerProcess(pid, slot, block, ours, started, template.pid if template else 0)

    def _start_template(self, link: socket.socket, own_link: socket.socket) -> int:
        """Fork a template, and return its number."""
        return self._fork(lambda: self._actions.run_template(link), "the template", own_link)

    def _fork(self, run: Callable[[], int], name: str, *links: socket.socket) -> int:
        """Fork a process that runs `run` and ends with its result, without the supervisor's descriptors."""
        # Until it has its own handlers, a signal to the child would be written to the pipe of this process.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        pid = os.fork()
        if pid:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            return pid
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            os.setpgid(0, 0)  # Ctrl-C at a terminal signals the parent only, which forwards it
            os.close(self._wake_read)
            os.close(self._wake_write)
            links += tuple(child.link for child in self._children.values())
            for link in (*links, *(template.link for template in self._preloader.list_templates())):
                link.close()  # otherwise the others would not notice the end of the parent
            code = run()
        except BaseException:
            _log.exception("%s failed", name)
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
        child.has_begun |= BEGUN in word
        child.is_overdue |= OVERTIME in word
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
                self._reload()
            elif number in (signal.SIGTERM, signal.SIGINT):
                self._stop(number)

    def _stop(self, number: int) -> None:
        """Tell the workers that the service ends, and forward the signal: a starting worker cannot listen yet."""
        if not self._stopping:
            self._actions.close_ports()
            self._stopping = monotonic() + self.settings.drain_delay + self.settings.grace + _MARGIN
        self._due.clear()
        self._preloader.due = None
        self._preloader.send(number)
        for child in self._children.values():
            with contextlib.suppress(OSError):
                child.link.send(END_NOW if number == signal.SIGINT else END, socket.MSG_DONTWAIT)
        self._send(number)

    def _reload(self) -> None:
        """Import the function anew, by a new template or in new workers."""
        if not self._preloader.reload():
            self._replace_all()

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
        self._preloader.send(signal.SIGKILL)
        self._stopping = monotonic() + _MARGIN

    def _watch(self) -> None:
        """End workers whose event loop stands still, and what takes too long to start."""
        if self._stopping:
            return
        self._heartbeats.look(self._children.values())
        self._preloader.end_late_init()
        now = monotonic()
        for child in self._children.values():
            deadline = self._start_deadline(child)
            if deadline is not None and now > deadline:
                self._give_up_preload(_name_forked(child, f"is not ready after {now - child.started:.0f} seconds"))
                return

    def _start_deadline(self, child: WorkerProcess) -> float | None:
        """Return when a worker that a template has forked must have begun, or be ready; None without a limit."""
        if not child.template or child.is_ready or child.is_retiring:
            return None
        limit = self.settings.init_timeout  # the worker itself ends an init that exceeds it, unless it stands still
        if child.has_begun:
            return child.started + limit + _MARGIN if limit else None
        return child.started + _FORKED

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            child = self._children.pop(pid, None)
            if child is not None:
                self._handle_end(child, status)
            elif template := self._preloader.remove(pid):
                self._handle_template_end(*template, status)
            # otherwise an orphan that was adopted

    def _handle_end(self, child: WorkerProcess, status: int) -> None:
        with contextlib.suppress(KeyError):
            self._poll.unregister(child.link)
        child.link.close()
        self._metrics.blocks[child.block].end()
        self._blocks.append(child.block)
        self._preloader.close_unused({other.template for other in self._children.values()})
        code = os.waitstatus_to_exitcode(status)
        if self._stopping:
            if child.is_ready or not self._was_ready:  # the status of a worker that was still starting does not count
                self._code = self._code or status_of(code)
            return
        if child.is_retiring:
            return
        why = self._ends.describe(code)
        if child.template and not child.is_ready and (child.is_overdue or -code in _CRASHES):
            self._give_up_preload(_name_forked(child, why))
            return
        if not self._was_ready and not self.forgiving:
            # no worker was ever ready: a new one would fail too, and our exit status has to show it
            if code not in REPORTED:
                _log.error("worker %d %s before it was ready", child.slot, why)
            self._code = status_of(code)
            self._stop(signal.SIGTERM)
            return
        self._restart(child, why)

    def _restart(self, child: WorkerProcess, why: str) -> None:
        """Schedule the successor of a worker: at once if that was stable, else after a pause that doubles."""
        if self.forgiving and not child.is_ready:
            _log.warning("the worker %s; waiting for a change", why)
            return
        if monotonic() - child.started > STABLE:
            self._failures[child.slot] = -1
        self._delay(child.slot, f"worker {child.slot} (process {child.pid}) {why}")

    def _delay(self, slot: int, reason: str) -> None:
        """Schedule a worker after a failure, and log the reason."""
        self._failures[slot] += 1
        pause = back_off(self._failures[slot])
        _log.error(format_restart(reason, pause))
        self._due[slot] = monotonic() + pause

    def _receive_report(self, template: TemplateProcess) -> None:
        if self._preloader.receive(template):
            self._metrics.set_template(template.pid)
            self._finish_reload()

    def _finish_reload(self) -> None:
        if self._preloader.take_reload():
            self._replace_all()

    def _handle_template_end(self, template: TemplateProcess, was_used: bool, status: int) -> None:
        code = template.failure or os.waitstatus_to_exitcode(status)
        if self._preloader.current is None:
            self._metrics.set_template(0)
        if not was_used:
            return
        if self._stopping:
            self._code = self._code if self._was_ready else self._code or status_of(code)
            return
        if self._preloader.handle_end(template, code, self._ends.describe(code), was_ready=self._was_ready):
            self._code = status_of(code)
            self._stop(signal.SIGTERM)
        self._finish_reload()

    def _give_up_preload(self, reason: str) -> None:
        """Serve without preload: a worker that was forked from a good template did not start."""
        _log.warning("served without preload: %s; %s", reason, HINT)
        self._preloader.give_up()
        for other in self._children.values():
            if other.template and not other.is_ready:
                other.is_retiring = True
                with contextlib.suppress(ProcessLookupError):
                    os.kill(other.pid, signal.SIGKILL)
        serving = {other.slot for other in self._children.values() if not other.is_retiring}
        for slot in set(range(self.count)) - serving:
            self._due.setdefault(slot, 0.0)


def _name_forked(child: WorkerProcess, why: str) -> str:
    return f"worker {child.slot} (process {child.pid}), forked after the import of the function, {why}"
