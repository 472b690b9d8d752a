"""Names that say which builder has made something, so that a later one can tell what is left over from a kill."""

from __future__ import annotations

import os

from ovenbird.common.process_stat import find_start_ticks
from ovenbird.common.units import read_whole


def format_process_id() -> str:
    """Return `PID-START` of this process: a part of names that no other process has, before or after it."""
    pid = os.getpid()
    return f"{pid}-{find_start_ticks(pid) or 0}"


def has_ended(pid: str, start: str) -> bool:
    """Return whether the process of such a name is gone; no for what is no such name, which somebody else has made."""
    number = read_whole(pid, 0)
    return bool(number) and str(find_start_ticks(number) or 0) != start
