"""The concurrency limiter: slots, a bounded first-in-first-out queue, deadlines, and calls whose client left.

One timer watches all calls, and runs only while there are any. All have the same time limit, so the oldest is due
first.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from contextvars import Context
from time import perf_counter
from typing import Any, NamedTuple

from ..call import CallCancelled, HttpCall, StopReason

_log = logging.getLogger("ovenbird")
TICK = 0.05  # seconds between two checks for deadlines and clients that left
_RETRY = 1.0  # seconds until a handler that does not stop is asked again


class LimiterHooks(NamedTuple):
    """Callbacks of the application.

    `is_disconnected` returns whether the client of a call has gone. `cancel_handler` asks the handler of a running call
    to end. `report_load` is called at each tick. `refuse_waiting` is called with a call that has waited for too long.
    """

    is_disconnected: Callable[[HttpCall], bool]
    cancel_handler: Callable[[HttpCall], None]
    report_load: Callable[[], None] = lambda: None
    refuse_waiting: Callable[[HttpCall], None] = lambda _: None


class ConcurrencyLimiter:
    """The calls of one worker. All methods are for the event loop's thread.

    `limit` calls run at once, `queue` more may wait; `timeout` is in seconds, 0 for none. A call that waits for longer
    than `patience` seconds (0: no limit) is refused.
    """

    def __init__(
        self,
        limit: int,
        queue: int,
        timeout: float,
        hooks: LimiterHooks,
        *,
        patience: float = 0.0,
    ) -> None:
        self.limit = limit
        self.capacity = self._capacity = limit + queue
        self.timeout = timeout
        self.free = limit
        self.calls: dict[HttpCall, None] = {}  # admitted and not finished, oldest first
        self.waiting: deque[HttpCall] = deque()
        self.stuck = 0  # calls that were asked to end more than once, and hold their slots
        self.ticked = perf_counter()
        self._is_disconnected = hooks.is_disconnected
        self._cancel_handler = hooks.cancel_handler
        self._report_load = hooks.report_load
        self._refuse_waiting = hooks.refuse_waiting
        self._patience = patience
        self._timer: asyncio.TimerHandle | None = None
        self._reported = 0.0  # when a failure of the timer was last logged
        self._loop: Any = None
        self._context: Context | None = None

    def start(self, loop: asyncio.AbstractEventLoop, context: Context | None = None) -> None:
        """Set the loop of the timer, and its context: the context of a call would be kept after the call."""
        self._loop = loop
        self._context = context

    @property
    def is_full(self) -> bool:
        """Return whether the next call would neither run nor find a place in the queue."""
        return len(self.calls) >= self.capacity

    def restrict(self, on: bool) -> None:
        """Admit no more calls, or admit them again."""
        self.capacity = 0 if on else self._capacity

    def enter(self, call: HttpCall) -> None:
        """Register a call, and watch it from now on."""
        self.calls[call] = None
        if self._patience:
            call.entered = perf_counter()
        if self._timer is None:
            self.ticked = perf_counter()
            self._timer = self._loop.call_later(TICK, self._tick, context=self._context)

    def finish(self, call: HttpCall) -> None:
        """Forget a call whose handler has ended."""
        self.calls.pop(call, None)

    async def acquire_slot(self, call: HttpCall) -> None:
        """Wait for a slot, first in first out. Errors: CallCancelled when the time is up or the client left."""
        if self.free and not self.waiting:
            self.free -= 1
            return
        call.future = self._loop.create_future()
        call.is_queued = True
        self.waiting.append(call)
        try:
            await call.future
            if call.reason is not None:  # cancelled between the hand-over of the slot and this line
                raise CallCancelled
        except BaseException:
            if call.is_queued:
                with contextlib.suppress(ValueError):
                    self.waiting.remove(call)
            else:  # a slot was handed over and will not be used
                self.release_slot()
            raise
        finally:
            call.is_queued = False
            call.future = None  # its error's traceback holds this frame, and so the call

    def release_slot(self) -> None:
        """Give the slot to the next waiting call whose client is still connected; free it if there is none."""
        while self.waiting:
            call = self.waiting.popleft()
            if call.future.done():
                continue
            if self._is_disconnected(call):
                call.reason = StopReason.GONE
                call.future.set_exception(CallCancelled())
                continue
            call.is_queued = False
            call.future.set_result(None)
            return
        self.free += 1

    def cancel(self, call: HttpCall, reason: StopReason) -> None:
        """End a call that waits, or ask the handler of one that runs to end; may be called again."""
        if call.reason is None:
            call.reason = reason
        call.cancelled_at = perf_counter()
        call.cancel_count += 1
        if call.is_queued:
            if not call.future.done():
                call.future.set_exception(CallCancelled())
        else:
            self._cancel_handler(call)

    def retry_seconds(self) -> float:
        """Return the seconds after which a rejected client may try again.

        It is the age of the oldest call, as an estimate of the time that a call takes, with the queue.
        """
        return min(60.0, perf_counter() - next(iter(self.calls)).started) if self.calls else 0.0

    def _tick(self) -> None:
        """Check all calls, and schedule the next check.

        A failure with one call must not stop the checks of the others.
        """
        self.ticked = now = perf_counter()
        stuck = 0
        for call in list(self.calls):
            try:
                stuck += self._inspect(call, now)
            except Exception:
                self._log_failure(now)
        self.stuck = stuck
        try:
            self._report_load()
        except Exception:
            self._log_failure(now)
        if not self.calls:
            self._timer = None
            return
        pause = TICK
        if self.timeout:
            first = next(iter(self.calls)).started + self.timeout - now
            pause = min(TICK, max(first, 0.001)) if first > 0 else TICK
        self._timer = self._loop.call_later(pause, self._tick, context=self._context)

    def _inspect(self, call: HttpCall, now: float) -> bool:
        """Cancel a call that is due or whose client left. Return whether it was asked to end more than once."""
        if call.reason is not None:
            if now - call.cancelled_at > _RETRY:
                self.cancel(call, call.reason)
            return call.cancel_count > 1
        if self.timeout and call.started <= now - self.timeout:
            self.cancel(call, StopReason.TIMEOUT)
        elif call.started <= now - TICK and not call.is_answered and self._is_disconnected(call):
            self.cancel(call, StopReason.GONE)
        elif self._patience and call.entered <= now - self._patience and call.is_waiting:
            self._refuse_waiting(call)
        return False

    def _log_failure(self, now: float) -> None:
        """Log the current exception, but not at each tick."""
        if now - self._reported > _RETRY:
            self._reported = now
            _log.exception("checking a call in flight failed; it is tried again")
