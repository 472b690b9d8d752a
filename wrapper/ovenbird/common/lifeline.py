"""End this process with its parent: the kernel sends SIGIO when the last writer of a pipe is gone, without a thread.

The parent keeps the other end of the pipe, so any end of the parent counts, SIGKILL too. A process that forks cannot
have a thread that waits for this.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
from types import FrameType


def end_with_writer(descriptor: int) -> None:
    """Send this process SIGTERM as soon as nobody can write to the pipe any more. To be called in the main thread.

    The pipe is not read from again. Children that are forked later are not sent anything.
    """

    def end(_: int, __: FrameType | None) -> None:
        if _has_ended(descriptor):
            os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGIO, end)
    fcntl.fcntl(descriptor, fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_ASYNC | os.O_NONBLOCK)
    if _has_ended(descriptor):  # before there was a handler
        os.kill(os.getpid(), signal.SIGTERM)


def _has_ended(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(event & select.POLLHUP for _, event in poll.poll(0))
