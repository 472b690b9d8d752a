"""The thread pool for sync handlers.

Calls wait in one queue. A thread that is awake takes the next call without being woken. Waking a thread for each short
call would be expensive, so a further thread is woken only if calls take long, or if all that are awake have been busy
for a moment.
A call is cancelled by an exception raised in its thread; a lock of the thread ensures that it hits no other call.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import os
import threading
from collections import deque
from contextvars import Context
from time import perf_counter
from typing import Any

from ...common import fork_guard
from ..call import CallCancelled
from .wake_up import make_alarm, make_bell

_SHORT = 0.001  # seconds: shorter calls are not worth a thread for each
_SOON = 0.0001  # seconds: a thread that has been busy for longer may be waiting for something
_LOOK = 0.001  # seconds between two checks of the queue
_STALLED = 5  # checks without progress, after which threads are woken that should not be needed
_WEIGHT = 0.02  # of the newest call in the running mean: a single one may only have waited for the GIL


class WorkItem(abc.ABC):
    """The work of one call.

    `is_disconnected` and `work` run on a thread, `finish` runs on the loop with what `work` returned or raised.
    """

    __slots__ = ("thread",)

    def __init__(self) -> None:
        self.thread: _PoolThread | None = None

    @abc.abstractmethod
    def is_disconnected(self) -> bool:
        """Return whether the client has gone, so that the work need not start."""

    @abc.abstractmethod
    def work(self) -> Any:
        """Run the work, and return its outcome."""

    @abc.abstractmethod
    def finish(self, outcome: Any, error: BaseException | None) -> None:
        """Handle the outcome, or the error."""


class HandlerThreadPool:
    """At most `limit` daemon threads, started on demand."""

    def __init__(self, limit: int, loop: asyncio.AbstractEventLoop, context: Context | None = None) -> None:
        self.limit = limit
        self.todo: deque[WorkItem] = deque()
        self.idle: deque[_PoolThread] = deque()
        self.working: dict[_PoolThread, float] = {}  # when each began with its job, the latest one last
        self.finished: deque[tuple[WorkItem, Any, BaseException | None]] = deque()
        self.count = 0
        self.process = os.getpid()
        self.mean = 0.0
        self.taken = 0  # jobs that threads have taken off the queue
        self._loop = loop
        self._context = context  # of the timer: that of a call would outlive the call
        self._bell, self._close_bell = make_bell(loop, self._collect, context)
        self._threads: list[_PoolThread] = []
        self._is_signalled = False
        self._is_due = False  # whether threads are woken in the next turn of the loop
        self._timer: asyncio.TimerHandle | None = None
        self._last_taken = 0  # `taken` at the last check
        self._stalled_looks = 0  # checks since `taken` last changed

    def submit(self, job: WorkItem) -> None:
        """Queue a job for the next free thread. Called on the loop.

        Threads are woken once for all jobs of one turn of the loop, when nothing else is left to do in it.
        """
        self.todo.append(job)
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._wake_threads, context=self._context)

    def cancel(self, job: WorkItem) -> bool:
        """Remove a job from the queue, or raise CallCancelled in its thread. Return False if it has ended already."""
        thread = job.thread
        if thread is None:
            return self.cancel_waiting(job, CallCancelled()) or (job.thread is not None and job.thread.cancel(job))
        return thread.cancel(job)

    def cancel_waiting(self, job: WorkItem, error: BaseException) -> bool:
        """Remove a job from the queue, and finish it with an error. Return False if a thread has taken it."""
        try:
            self.todo.remove(job)
        except ValueError:
            return False
        self.finish(job, None, error)
        return True

    def finish(self, job: WorkItem, outcome: Any, error: BaseException | None) -> None:
        """Hand an outcome to the loop. One signal serves all outcomes that arrive before it is handled."""
        self.finished.append((job, outcome, error))
        if not self._is_signalled:
            self._is_signalled = True
            if self.todo:  # this thread goes on, and keeps the GIL
                with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                    self._loop.call_soon_threadsafe(self._collect, context=self._context)
            else:
                self._bell()

    def _collect(self) -> None:
        self._is_signalled = False
        finished = self.finished
        while finished:
            job, outcome, error = finished.popleft()
            job.finish(outcome, error)

    def _count_lookers(self) -> int:
        """Return how many threads are awake and about to look at the queue."""
        return self.count - len(self.idle) - len(self.working)

    def _is_held_up(self) -> bool:
        """Return whether no thread that works will look at the queue soon."""
        try:
            return perf_counter() - next(reversed(self.working.values())) > _SOON
        except (StopIteration, RuntimeError):  # none works; or the one has just ended its job
            return True

    def _wake_threads(self) -> None:
        """Wake as many threads as the queue needs."""
        self._is_due = False
        waiting = len(self.todo)
        if not waiting:
            return
        lookers = self._count_lookers()
        if self.mean > _SHORT:
            self._wake(waiting - lookers)
        elif lookers <= 0 and self._is_held_up():
            self._wake(1)
        if self._timer is None:
            self._last_taken, self._stalled_looks = self.taken, 0
            self._timer = self._loop.call_later(_LOOK, self._look, context=self._context)

    def _wake(self, number: int) -> None:
        """Wake the threads that fell asleep last, whose caches are warm; start others if too few sleep."""
        for _ in range(number):
            try:
                self.idle.pop().alarm.ring()
            except IndexError:
                if self.count >= self.limit or not self._start_thread():
                    return

    def _start_thread(self) -> bool:
        """Start a thread. If there are none and none can be started, the jobs fail; else they wait for the others."""
        self.count += 1
        thread = _PoolThread(self, self.count)
        try:
            thread.start()
            self._threads.append(thread)
        except RuntimeError as error:  # the system's limit on threads
            self.count -= 1
            while self.todo and not self.count:
                self.finish(self.todo.popleft(), None, error)
            return False
        return True

    async def close(self) -> None:
        """End the threads, each after its job. Those that still run after a second are left to the end of the process.

        A server needs this not: its process ends. Called on the loop.
        """
        for _ in self._threads:
            self.todo.append(_EndOfThread())
        while self.idle:
            with contextlib.suppress(IndexError):
                self.idle.pop().alarm.ring()
        for _ in range(100):
            if not any(thread.is_alive() for thread in self._threads):
                self._close_bell()
                return
            await asyncio.sleep(0.01)

    def _look(self) -> None:
        """Wake further threads if those that are awake are all held up: twice as many each time."""
        self._timer = None
        waiting = len(self.todo)
        if not waiting:
            return
        self._stalled_looks = 0 if self.taken != self._last_taken else self._stalled_looks + 1
        self._last_taken = self.taken
        if (self._count_lookers() <= 0 and self._is_held_up()) or self._stalled_looks >= _STALLED:
            self._wake(min(waiting, max(1, len(self.working))))
        self._timer = self._loop.call_later(_LOOK, self._look, context=self._context)


class _ThreadEnded(BaseException):
    """Ends a thread of the pool."""


class _EndOfThread(WorkItem):
    """A job that ends its thread before anything is run."""

    def is_disconnected(self) -> bool:
        raise _ThreadEnded

    def work(self) -> Any:
        """Do nothing: it is never called."""

    def finish(self, outcome: Any, error: BaseException | None) -> None:
        """Do nothing: it is never called."""


class _PoolThread(threading.Thread):
    """Runs jobs until the pool is closed, or the process ends."""

    def __init__(self, pool: HandlerThreadPool, number: int) -> None:
        super().__init__(name=f"ovenbird-{number}", daemon=True)
        self.pool = pool
        self.alarm = make_alarm()
        self.guard = threading.Lock()
        self.job: WorkItem | None = None  # the job that `cancel` may interrupt
        self.current: WorkItem | None = None  # the job whose outcome has not been handed to the loop
        self.was_interrupted = False

    def run(self) -> None:
        """Run jobs until the pool is closed. A CallCancelled that arrives late, between two jobs, ends neither."""
        while True:
            try:
                self._work()
            except _ThreadEnded:
                self.alarm.close()
                return
            except CallCancelled as late:
                self.pool.working.pop(self, None)
                if self.current is not None:
                    job, self.current = self.current, None
                    self.pool.finish(job, None, late)
                    del job

    def cancel(self, job: WorkItem) -> bool:
        """Raise CallCancelled in this thread if it still runs `job`."""
        with self.guard:
            if self.job is not job:
                return False
            self.was_interrupted = True
            raise_in(self.ident or 0, CallCancelled)
            return True

    def _work(self) -> None:
        pool = self.pool
        todo, idle = pool.todo, pool.idle
        while True:
            try:
                job = todo.popleft()
            except IndexError:
                idle.append(self)
                if todo:  # a job arrived before this thread was listed as idle: nobody would wake it
                    with contextlib.suppress(ValueError):
                        idle.remove(self)
                        continue
                self.alarm.wait()
                continue
            pool.taken += 1  # not exact between threads, and need not be
            self._run(job)
            del job  # its objects must not be kept until the next job arrives

    def _run(self, job: WorkItem) -> None:
        outcome: Any = None
        error: BaseException | None = None
        self.current = job
        job.thread = self
        if job.is_disconnected():
            self.current = None
            self.pool.finish(job, None, CallCancelled())
            return
        pool = self.pool
        pool.working[self] = start = perf_counter()
        try:
            try:
                self.job = job
                outcome = job.work()
            except BaseException as raised:
                error = raised
            if fork_guard.in_child and fork_guard.is_forked_from(pool.process):
                fork_guard.end_child(error is not None)
            with self.guard:
                self.job = None
        except CallCancelled as raised:  # it arrived after the handler had ended
            self.job = None
            error = error or raised
        if self.was_interrupted:
            self.was_interrupted = False
            raise_in(self.ident or 0, None)
        pool.working.pop(self, None)
        pool.mean += _WEIGHT * (perf_counter() - start - pool.mean)
        self.current = None
        pool.finish(job, outcome, error)
        error = None  # its traceback holds this frame, which would hold it


def raise_in(ident: int, error: type[BaseException] | None) -> None:
    """Raise an exception in another thread at its next bytecode. None revokes an exception that has not arrived."""
    import ctypes

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(error) if error else None)
