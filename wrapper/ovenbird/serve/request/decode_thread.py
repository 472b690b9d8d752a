"""Decode large bodies in one thread, in order, with the cyclic garbage collector switched off.

The collector would traverse the growing number of objects repeatedly: decoding would take time that grows with the
square of the body. There is one thread for all calls, so that the event loop competes with at most one decoder for the
GIL.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

LARGE = 256 * 1024  # bytes; decoding a smaller body is faster than handing it to the thread
_Result = TypeVar("_Result")
_pools: list[ThreadPoolExecutor] = []


async def decode_aside(work: Callable[[], _Result]) -> _Result:
    """Run `work` in the decoding thread; return its result or raise its exception."""
    if not _pools:
        _pools.append(ThreadPoolExecutor(1, "ovenbird-decode"))
    attempt = _Attempt(work)
    try:
        await asyncio.get_running_loop().run_in_executor(_pools[0], attempt.run)
        if attempt.error is not None:
            raise attempt.error
        return attempt.result  # type: ignore[return-value]
    finally:
        attempt.release()


class _Attempt(Generic[_Result]):
    """A call of `work`, and its outcome.

    The frame of the executor refers to it, and the traceback of an error refers to that frame. `release` breaks this
    cycle, which would keep the call in memory, also if nobody waits for the outcome any more.
    """

    def __init__(self, work: Callable[[], _Result]) -> None:
        self.result: _Result | None = None
        self.error: BaseException | None = None
        self._work: Callable[[], _Result] | None = work

    def run(self) -> None:
        """Call `work` and store its outcome. Called in the thread."""
        work = self._work
        if work is None:  # it was released: nobody waits for the outcome
            return
        with _collector_off():
            try:
                self.result = work()
            except BaseException as error:
                self.error = error
        if self._work is None:
            self.release()

    def release(self) -> None:
        """Drop the work and its outcome."""
        self.result = self.error = self._work = None


@contextlib.contextmanager
def _collector_off() -> Iterator[None]:
    """Switch the garbage collector off within the block, if it is on."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
