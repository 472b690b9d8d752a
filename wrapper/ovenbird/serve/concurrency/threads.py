"""The thread pool for sync handlers.

Calls wait in one queue. A thread that is awake takes the next call without being woken. Waking a thread for each short
call would be expensive, so a further thread is woken only if calls take long, or if one has waited for a while.
A call is cancelled by an exception raised in its thread; a lock of the thread ensures that it hits no other call.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import threading
from collections import deque
from contextvars import Context
from time import perf_counter
from typing import Any

from ...common import fork_guard
from ..call import CallCancelled

_SHORT = 0.001  # seconds: shorter calls are not worth a second thread
_LOOK = 0.003  # seconds between two checks of the queue
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
        self.finished: deque[tuple[WorkItem, Any, BaseException | None]] = deque()
        self.count = 0
        self.mean = 0.0
        self.busy_awake = 0  # threads that are awake and known to be busy with a long job
        self.taken = 0  # jobs that threads have taken off the queue
        self._loop = loop
        self._context = context  # of the timer: that of a call would outlive the call
        self._is_signalled = False
        self._timer: asyncio.TimerHandle | None = None
        self._last_taken = 0  # `taken` at the last check
        self._stalled_looks = 0  # checks since `taken` last changed

    def submit(self, job: WorkItem) -> None:
        """Queue a job for the next free thread. Called on the loop."""
        self.todo.append(job)
        awake = self.count - len(self.idle)
        self.busy_awake = min(self.busy_awake, awake)
        if self.mean > _SHORT or awake == self.busy_awake:  # no thread would look at the queue soon
            self._wake()
        elif self._timer is None:
            self._last_taken, self._stalled_looks = self.taken, 0
            self._timer = self._loop.call_later(_LOOK, self._wake_if_stalled, context=self._context)

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
        """Hand an outcome to the loop. One wake-up serves all outcomes that arrive before it is handled."""
        self.finished.append((job, outcome, error))
        if not self._is_signalled:
            self._is_signalled = True
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._collect, context=self._context)

    def _collect(self) -> None:
        self._is_signalled = False
        finished = self.finished
        while finished:
            job, outcome, error = finished.popleft()
            job.finish(outcome, error)

    def _wake(self) -> None:
        """Wake the thread that fell asleep last, whose caches are warm; start one if none sleeps."""
        try:
            self.idle.pop().wake.release()
        except IndexError:
            if self.count < self.limit:
                self.count += 1
                _PoolThread(self, self.count).start()

    def _wake_if_stalled(self) -> None:
        """Wake a thread for each waiting call if the threads that are awake take no more: all of them are busy.

        It takes two checks, because a thread may have waited for the GIL all that time.
        """
        self._timer = None
        if not self.todo:
            return
        self._stalled_looks = 0 if self.taken != self._last_taken else self._stalled_looks + 1
        self._last_taken = self.taken
        if self._stalled_looks > 1:
            self._stalled_looks = 0
            self.busy_awake = self.count - len(self.idle)
            for _ in range(min(len(self.todo), self.limit)):
                self._wake()
        self._timer = self._loop.call_later(_LOOK, self._wake_if_stalled, context=self._context)


class _PoolThread(threading.Thread):
    """Runs jobs until the process ends."""

    def __init__(self, pool: HandlerThreadPool, number: int) -> None:
        super().__init__(name=f"ovenbird-{number}", daemon=True)
        self.pool = pool
        self.wake = threading.Lock()
        self.wake.acquire()
        self.guard = threading.Lock()
        self.job: WorkItem | None = None  # the job that `cancel` may interrupt
        self.current: WorkItem | None = None  # the job whose outcome has not been handed to the loop
        self.was_interrupted = False

    def run(self) -> None:
        """Run jobs forever. A CallCancelled that arrives late, between two jobs, ends neither."""
        while True:
            try:
                self._work()
            except CallCancelled as late:
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
                self.wake.acquire()
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
        start = perf_counter()
        try:
            try:
                self.job = job
                outcome = job.work()
            except BaseException as raised:
                error = raised
            if fork_guard.in_child:
                fork_guard.end_child(error is not None)
            with self.guard:
                self.job = None
        except CallCancelled as raised:  # it arrived after the handler had ended
            self.job = None
            error = error or raised
        if self.was_interrupted:
            self.was_interrupted = False
            raise_in(self.ident or 0, None)
        pool = self.pool
        seconds = perf_counter() - start
        pool.mean += _WEIGHT * (seconds - pool.mean)
        if seconds > _LOOK and pool.busy_awake:
            pool.busy_awake -= 1
        self.current = None
        pool.finish(job, outcome, error)
        error = None  # its traceback holds this frame, which would hold it


def raise_in(ident: int, error: type[BaseException] | None) -> None:
    """Raise an exception in another thread at its next bytecode. None revokes an exception that has not arrived."""
    import ctypes

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(error) if error else None)
