"""The targets of the project for these figures, and whether a run met them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import memory
import preload
import speed
from servers import ASYNC, BARE, BARE_LOG, FRAMEWORK, FRAMEWORK_ASGI, SYNC

import starts

FLAT = 1.0  # MiB that memory may still grow between the first and the last count of calls
CONSTANT = 16.0  # MiB that memory may rise for a transfer of 64 or 256 MiB


@dataclass(frozen=True)
class Target:
    """One bound and the figure to hold against it; `value` is None when nothing was measured.

    `rounds` are the figures of the single rounds, whose median `value` is; empty for what is measured once.
    """

    title: str
    value: float | None
    bound: float
    unit: str = "x"
    at_most: bool = False
    rounds: tuple[float, ...] = ()

    @classmethod
    def of_rounds(
        cls, title: str, rounds: Sequence[float], bound: float, unit: str = "x", *, at_most: bool = False
    ) -> Target:
        """Return the target for the median of rounds; without one it is not measured."""
        return cls(title, median(rounds) if rounds else None, bound, unit, at_most, tuple(rounds))

    @property
    def verdict(self) -> str:
        if self.value is None:
            return "not measured"
        met = self.value <= self.bound if self.at_most else self.value >= self.bound
        return "met" if met else "missed"


def make_speed_targets(rows: dict[str, speed.Row]) -> list[Target]:
    """Return the targets of speed: as they come, to the limit, to uvicorn with its log, and to functions-framework."""
    targets = []
    bars = ((ASYNC, 0.8, 1.5, FRAMEWORK_ASGI, 2), (SYNC, 0.65, 1.7, FRAMEWORK, 3))
    for server, share, tail, peer, times in bars:
        if server.name not in rows:  # left out by --only
            continue
        row = rows[server.name]
        for count in (16, 64):
            at = f"{count} connections"
            shares = speed.list_ratios(row, speed.find_limit(rows, count), count)
            targets.append(Target.of_rounds(f"{server.name} of the bare callable, {at}", shares, share))
            for other, bound in ((BARE_LOG, 1.5), (peer, times)):
                if other.name in rows:
                    ratios = speed.list_ratios(row, rows[other.name], count)
                    targets.append(Target.of_rounds(f"{server.name} to {other.name}, {at}", ratios, bound))
        tails = speed.list_ratios(row, speed.find_limit(rows, 64), 64, "p99_ms")
        title = f"{server.name} p99 to the bare callable's, 64 connections"
        targets.append(Target.of_rounds(title, tails, tail, at_most=True))
    return targets


def make_start_targets(start_times: starts.Starts) -> list[Target]:
    """Return the target of the start against uvicorn's."""
    title = f"{ASYNC.name} start to the bare callable's"
    return [Target.of_rounds(title, starts.list_ratios(start_times, ASYNC.name, BARE.name), 1.1, at_most=True)]


def make_memory_targets(sizes: dict[str, memory.Sizes]) -> list[Target]:
    """Return the targets of memory: the last size against the bare callable's, and that it no longer grows."""
    targets = []
    for server in (ASYNC, SYNC):
        name = server.name
        size, gained = memory.compute_ratio(sizes, name, BARE.name), memory.compute_growth(sizes.get(name))
        targets.append(Target(f"{name} memory to the bare callable's", size, 1.05, at_most=True))
        targets.append(Target(f"{name} memory is flat: growth over the calls", gained, FLAT, "MiB", at_most=True))
    return targets


def make_transfer_targets(transfers: dict[str, float | str]) -> list[Target]:
    """Return the targets of transfers: the peak of each against a constant."""
    return [
        Target(f"{title}: peak growth", None if isinstance(peak, str) else peak, CONSTANT, "MiB", at_most=True)
        for title, peak in transfers.items()
    ]


def make_drain_target(outcome: dict[str, Any]) -> Target:
    """Return the target of drains: no call is lost."""
    return Target(
        f"calls lost in {outcome['drains']} drains under load", len(outcome["lost"]), 0, "calls", at_most=True
    )


def make_preload_targets(rounds: preload.Rounds) -> list[Target]:
    """Return the targets of preload: memory and time to ready over each worker's own import, and a successor's time."""
    memory_ratios, ready_ratios = (preload.list_ratios(rounds, name) for name in ("memory_mib", "ready_seconds"))
    successors = [figures["import"]["successor_seconds"] * 1000 for figures in rounds]
    return [
        Target.of_rounds("4 workers, preload over none: memory (PSS)", memory_ratios, 0.45, at_most=True),
        Target.of_rounds("4 workers, preload over none: time to ready", ready_ratios, 0.45, at_most=True),
        Target.of_rounds("a killed worker's successor answers, preload", successors, 100.0, "ms", at_most=True),
    ]
