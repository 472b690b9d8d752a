"""Wait until descriptors can be read or written, whatever their numbers: `select.select` takes none from 1024 up."""

from __future__ import annotations

import math
import select
from collections.abc import Iterable


def find_ready(readers: Iterable[int], seconds: float, writers: Iterable[int] = ()) -> list[int]:
    """Return the descriptors that can be read or written, or have ended; none when the seconds are over before."""
    poll = select.poll()
    for descriptor in readers:
        poll.register(descriptor, select.POLLIN)
    for descriptor in writers:
        poll.register(descriptor, select.POLLOUT)
    return [descriptor for descriptor, _ in poll.poll(math.ceil(seconds * 1000))]
