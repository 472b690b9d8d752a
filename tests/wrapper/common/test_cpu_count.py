from __future__ import annotations

import os
from pathlib import Path

import pytest

from ovenbird.common.cpu_count import count_cpus

ALLOWED = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, ALLOWED),
        ({"cpu.max": "max 100000\n"}, ALLOWED),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "100000 100000\n"}, 1),
        ({"cpu.max": "150000 100000\n"}, min(2, ALLOWED)),
        ({"cpu.max": "99900000 100000\n"}, ALLOWED),
        ({"cpu.max": "nonsense"}, ALLOWED),
        ({"cpu.max": "100000 0\n"}, ALLOWED),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, ALLOWED),
        ({"cpu/cpu.cfs_quota_us": "20000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1),
        ({"cpu/cpu.cfs_quota_us": "110000\n", "cpu/cpu.cfs_period_us": "100000\n"}, min(2, ALLOWED)),
        ({"cpu/cpu.cfs_quota_us": "20000\n"}, ALLOWED),
        ({"cpu.max": "100000 100000\n", "cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "1\n"}, 1),
    ],
)
def test_the_cgroups_quota_limits_the_cpus(tmp_path: Path, files: dict[str, str], expected: int) -> None:
    """Version 2, then version 1; rounded up; never more than this process may run on, never none."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert count_cpus(str(tmp_path)) == expected
