"""How many CPUs this process may use."""

from __future__ import annotations

import math
import os
from pathlib import Path


def count_cpus(cgroup: str = "/sys/fs/cgroup") -> int:
    """Return how many CPUs this process may use: the cgroup's quota (v2, then v1) or the affinity, whichever is less.

    A quota of 1.5 CPUs gives 2: a worker that has to wait for its share beats one that does not exist.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    root = Path(cgroup)
    try:
        quota, period = (root / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (root / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (root / "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return allowed
    if not quota.isdigit() or not period.isdigit() or int(period) == 0:
        return allowed  # "max" or -1: no quota
    return max(1, min(allowed, math.ceil(int(quota) / int(period))))
