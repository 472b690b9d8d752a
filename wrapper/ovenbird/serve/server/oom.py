"""Read the memory limit and the out-of-memory kills of this container from its cgroup."""

from __future__ import annotations

from pathlib import Path

_LIMITS = ("memory.max", "memory/memory.limit_in_bytes")  # of cgroup v2, of v1
_NO_LIMIT = 2**60  # bytes; cgroup v1 reports such a number if there is no limit
_COUNTERS = ("memory.events", "memory/memory.oom_control")  # of cgroup v2, of v1


def memory_kills(cgroup: str = "/sys/fs/cgroup") -> int:
    """Return how many processes of this container the kernel has killed for lack of memory; 0 if unknown."""
    for name in _COUNTERS:
        try:
            lines = Path(cgroup, name).read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            word, _, count = line.partition(" ")
            if word == "oom_kill" and count.isdecimal():
                return int(count)
    return 0


def memory_limit(cgroup: str = "/sys/fs/cgroup") -> int:
    """Return the memory limit of this container in bytes; 0 if there is none, or it is unknown."""
    for name in _LIMITS:
        try:
            text = Path(cgroup, name).read_text().strip()
        except OSError:
            continue
        limit = int(text) if text.isdecimal() else 0
        return limit if limit < _NO_LIMIT else 0
    return 0
