"""Wake a thread, or the loop, without holding the GIL meanwhile.

Who is woken needs the GIL at once. If the one who wakes still holds it, the other falls asleep again, and each call
costs two switches more. A lock, and the loop's own `call_soon_threadsafe`, wake with the GIL held; a write to a
descriptor does not.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import os
import threading
from collections.abc import Callable
from contextvars import Context, copy_context

_ONE = (1).to_bytes(8, "little")


class Alarm(abc.ABC):
    """Wakes one thread. A ring before the thread waits is not lost."""

    @abc.abstractmethod
    def ring(self) -> None:
        """Wake the thread."""

    @abc.abstractmethod
    def wait(self) -> None:
        """Wait for a ring."""

    def close(self) -> None:  # noqa: B027  # a lock has nothing to close
        """Close what the alarm holds: nobody rings any more."""


class _DescriptorAlarm(Alarm):
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def ring(self) -> None:
        os.write(self._descriptor, _ONE)

    def wait(self) -> None:
        os.read(self._descriptor, 8)

    def close(self) -> None:
        os.close(self._descriptor)


class _LockAlarm(Alarm):
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def ring(self) -> None:
        self._lock.release()

    def wait(self) -> None:
        self._lock.acquire()


def make_alarm() -> Alarm:
    """Return an alarm for one thread: a lock where the system has no `eventfd`, or no descriptor is left."""
    try:
        return _DescriptorAlarm(os.eventfd(0, os.EFD_CLOEXEC))
    except (AttributeError, OSError):
        return _LockAlarm()


def make_bell(
    loop: asyncio.AbstractEventLoop, callback: Callable[[], None], context: Context | None
) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return a function that has the loop call `callback`, and one that closes it.

    The first may be called in any thread, until the second is called on the loop.
    """

    def call_threadsafe() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(callback, context=context)

    try:
        descriptor = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
    except (AttributeError, OSError):
        return call_threadsafe, lambda: None

    def answer() -> None:
        os.read(descriptor, 8)
        callback()

    def ring() -> None:
        os.write(descriptor, _ONE)

    # the loop keeps the current context for its callback
    (copy_context() if context is None else context).run(loop.add_reader, descriptor, answer)

    def close() -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)

    return ring, close
