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
from typing import TypeVar

LARGE = 256 * 1024  # bytes; what is smaller is decoded in less time than it takes to hand it over
_Result = TypeVar("_Result")
_pools: list[ThreadPoolExecutor] = []


async def decode_aside(work: Callable[[], _Result]) -> _Result:
    """Return what `work` returns, or raise what it raises, while the event loop goes on."""
    if not _pools:
        _pools.append(ThreadPoolExecutor(1, "ovenbird-decode"))
    outcome = await asyncio.get_running_loop().run_in_executor(_pools[0], _attempt, work)
    if isinstance(outcome, _Raised):
        try:
            raise outcome.error
        finally:
            del outcome  # an exception that refers to this frame, which refers to it, would outlive the call
    return outcome


class _Raised:
    def __init__(self, error: BaseException) -> None:
        self.error = error


def _attempt(work: Callable[[], _Result]) -> _Result | _Raised:
    """Call `work`; an error is handed over as a value, as a future would keep it and what it refers to."""
    with _collector_off():
        try:
            return work()
        except BaseException as error:
            return _Raised(error)


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
