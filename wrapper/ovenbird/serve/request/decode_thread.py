"""Decode large bodies off the event loop, one after the other, with the cyclic garbage collector off meanwhile.

The collector would look at the growing number of objects again and again, which makes decoding take time that grows
with the square of the body. One thread does it for all calls: what holds the interpreter's lock for long is then never
more than one body away from the loop's turn.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

LARGE = 256 * 1024  # bytes; what is smaller is decoded in less time than it takes to hand it over
_Result = TypeVar("_Result")
_pools: list[ThreadPoolExecutor] = []


async def decode_aside(work: Callable[[], _Result]) -> _Result:
    """Return what `work` returns, or raise what it raises, while the event loop goes on."""
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

    The executor's frame holds it, and an error's traceback holds that frame. `release` breaks this cycle, in which the
    call would outlive its end, also when nobody waits for the outcome any more.
    """

    def __init__(self, work: Callable[[], _Result]) -> None:
        self.result: _Result | None = None
        self.error: BaseException | None = None
        self._work: Callable[[], _Result] | None = work

    def run(self) -> None:
        """Call `work`. For the thread."""
        work = self._work
        if work is None:  # nobody waits for it
            return
        with _collector_off():
            try:
                self.result = work()
            except BaseException as error:
                self.error = error
        if self._work is None:
            self.release()

    def release(self) -> None:
        """Let go of all."""
        self.result = self.error = self._work = None


@contextlib.contextmanager
def _collector_off() -> Iterator[None]:
    """Switch the collector off; it is on again afterwards if it was on."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
