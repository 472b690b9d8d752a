"""Who may run: slots, a bounded first-in-first-out queue, deadlines, and calls whose client left.

One timer looks after all calls, and only while there are any: each has the same time limit, so the oldest is due first.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Any

from .call import Call, CallStopped, Reason

TICK = 0.05  # seconds: how soon a client that left is noticed
_AGAIN = 1.0  # seconds until a handler that does not stop is asked again


class Admission:
    """The calls of one worker. All methods are for the event loop's thread.

    `limit` calls run at once, `queue` more may wait; `timeout` is in seconds, 0 for none. `left(call)` says whether the
    client of a call has gone; `stop(call)` asks the handler of a running call to end. A call that waits for longer than
    `patience` seconds (0: no limit) is handed to `turn_away`.
    """

    def __init__(
        self,
        limit: int,
        queue: int,
        timeout: float,
        *,
        left: Callable[[Call], bool],
        stop: Callable[[Call], None],
        gauge: Callable[[], None] = lambda: None,
        patience: float = 0.0,
        turn_away: Callable[[Call], None] = lambda _: None,
    ) -> None:
        self.limit = limit
        self.capacity = limit + queue
        self.timeout = timeout
        self.free = limit
        self.calls: dict[Call, None] = {}  # admitted and not finished, oldest first
        self.waiting: deque[Call] = deque()
        self.stuck = 0  # calls that were asked to end more than once, and hold their slots
        self.ticked = perf_counter()
        self._left = left
        self._stop = stop
        self._gauge = gauge  # told the load at each tick
        self._patience = patience
        self._turn_away = turn_away
        self._timer: asyncio.TimerHandle | None = None
        self._loop: Any = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take the loop that runs the timer."""
        self._loop = loop

    @property
    def full(self) -> bool:
        """Whether one more call would neither run nor find a place in the queue."""
        return len(self.calls) >= self.capacity

    def enter(self, call: Call) -> None:
        """Count a call and look after it from now on."""
        self.calls[call] = None
        if self._patience:
            call.entered = perf_counter()
        if self._timer is None:
            self.ticked = perf_counter()
            self._timer = self._loop.call_later(TICK, self._tick)

    def leave(self, call: Call) -> None:
        """Forget a call."""
        self.calls.pop(call, None)

    async def slot(self, call: Call) -> None:
        """Wait for a slot, first in first out. Errors: CallStopped when the time is up or the client left."""
        if self.free and not self.waiting:
            self.free -= 1
            return
        call.future = self._loop.create_future()
        call.parked = True
        self.waiting.append(call)
        try:
            await call.future
            if call.reason is not None:  # halted between the hand-over of the slot and this line
                raise CallStopped
        except BaseException:
            if call.parked:
                with contextlib.suppress(ValueError):
                    self.waiting.remove(call)
            else:  # a slot was handed over and will not be used
                self.release()
            raise
        finally:
            call.parked = False

    def release(self) -> None:
        """Give a slot to the next call that waits and whose client is still there, else to nobody."""
        while self.waiting:
            call = self.waiting.popleft()
            if call.future.done():
                continue
            if self._left(call):
                call.reason = Reason.GONE
                call.future.set_exception(CallStopped())
                continue
            call.parked = False
            call.future.set_result(None)
            return
        self.free += 1

    def halt(self, call: Call, reason: Reason) -> None:
        """End a call that waits, or ask the handler of one that runs to end."""
        if call.reason is None:
            call.reason = reason
        call.asked = perf_counter()
        call.asks += 1
        if call.parked:
            if not call.future.done():
                call.future.set_exception(CallStopped())
        else:
            self._stop(call)

    def retry_seconds(self) -> float:
        """When a rejected client may come again: the age of the oldest call is what a call takes now, in the queue and
        out of it."""
        return min(60.0, perf_counter() - next(iter(self.calls)).started) if self.calls else 0.0

    def _tick(self) -> None:
        """Halt the calls that are due and those whose client left; come again while there are calls."""
        self.ticked = now = perf_counter()
        due = now - self.timeout if self.timeout else float("-inf")
        stuck = 0
        for call in list(self.calls):
            if call.reason is not None:
                if now - call.asked > _AGAIN:
                    self.halt(call, call.reason)
                stuck += call.asks > 1
            elif call.started <= due:
                self.halt(call, Reason.TIMEOUT)
            elif call.started <= now - TICK and self._left(call):
                self.halt(call, Reason.GONE)
            elif self._patience and call.entered <= now - self._patience and call.waits:
                self._turn_away(call)
        self.stuck = stuck
        self._gauge()
        if not self.calls:
            self._timer = None
            return
        pause = TICK
        if self.timeout:
            first = next(iter(self.calls)).started + self.timeout - now
            pause = min(TICK, max(first, 0.001)) if first > 0 else TICK
        self._timer = self._loop.call_later(pause, self._tick)
