"""The log of a run, to its end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice

from ...platform.keys import EntityKey
from ...platform.store import FINAL, EntityStore

_PAUSE = 0.2  # seconds between two looks at a log that is followed


def read_log(store: EntityStore, key: EntityKey, *, follow: bool = False) -> Iterator[str]:
    """Yield the lines of a run's log, with `follow` until the run has ended. Errors: InputError, PlatformError."""
    count = 0
    while True:
        ended = store.read_state(key) in FINAL  # asked before the log, so that its last lines are there
        for line in islice(store.log_lines(key.project, key.id or ""), count, None):
            count += 1
            yield line.rstrip("\n")
        if ended or not follow:
            return
        time.sleep(_PAUSE)
        store.reap()
