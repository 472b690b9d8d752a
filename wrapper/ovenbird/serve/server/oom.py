"""What the kernel says about the memory of this container."""

from __future__ import annotations

from pathlib import Path

_LIMITS = ("memory.max", "memory/memory.limit_in_bytes")  # of cgroup v2, of v1
_NO_LIMIT = 2**60  # bytes; cgroup v1 says a number like this where there is no limit
_COUNTERS = ("memory.events", "memory/memory.oom_control")  # of cgroup v2, of v1


def memory_kills(cgroup: str = "/sys/fs/cgroup") -> int:
    """How many processes of this container the kernel has killed because its memory was used up; 0 where unknown."""
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
    """Return how many bytes of memory this container may use; 0 where there is no limit, or none is known."""
    for name in _LIMITS:
        try:
            text = Path(cgroup, name).read_text().strip()
        except OSError:
            continue
        limit = int(text) if text.isdecimal() else 0
        return limit if limit < _NO_LIMIT else 0
    return 0
