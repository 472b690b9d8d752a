"""What the kernel says about the memory of this container."""

from __future__ import annotations

from pathlib import Path

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
