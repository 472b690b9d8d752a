"""Which wheels share a layer: heavy ones lie alone, small ones in groups by name, so that one change rewrites one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from . import WheelPackage

HEAVY = 1024 * 1024  # bytes installed
GROUPS = 8
BUDGET = 60  # container runtimes stop at 127 layers, the base's included


def group_wheels(
    wheels: Sequence[tuple[WheelPackage, int]], budget: int = BUDGET
) -> tuple[tuple[WheelPackage, ...], ...]:
    """Wheels with their installed sizes (bytes) -> groups, at most `budget`, in the order they will lie.

    The group of a small wheel follows from its name alone. Where there are too many heavy ones, the largest lie alone.
    The heaviest lie lowest, by powers of two: a store unpacks anew whatever lies above a layer that has changed.
    """
    count = max(1, min(GROUPS, budget // 2))
    heavy = sorted((pair for pair in wheels if pair[1] >= HEAVY), key=lambda pair: (-pair[1], pair[0].name))
    alone = {wheel.name for wheel, _ in heavy[: max(0, budget - count)]}
    groups: dict[tuple[int, str], list[WheelPackage]] = {}
    for wheel, size in sorted(wheels, key=lambda pair: pair[0].name):
        number = int.from_bytes(hashlib.sha256(wheel.name.encode()).digest()[:8], "big") % count
        group = (-size.bit_length(), wheel.name) if wheel.name in alone else (0, f"{number:03}")
        groups.setdefault(group, []).append(wheel)
    return tuple(tuple(groups[group]) for group in sorted(groups))


def format_title(wheels: Sequence[WheelPackage]) -> str:
    """Return the name of a group for people."""
    names = ", ".join(f"{wheel.name} {wheel.version}" for wheel in wheels[:4])
    return names + (f" and {len(wheels) - 4} more" if len(wheels) > 4 else "")
