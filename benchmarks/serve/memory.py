"""Resident memory at the start and after many calls."""

from __future__ import annotations

from collections.abc import Sequence

import client
from environments import say
from live import run_server
from processes import FailedError, measure_resident
from servers import Server

MiB = float
Sizes = dict[int, MiB] | str


def measure(servers: Sequence[Server], steps: Sequence[int]) -> dict[str, Sizes]:
    """Return resident MiB of each server by number of calls: after the first one, then at each of `steps`."""
    sizes: dict[str, Sizes] = {}
    for server in servers:
        say(f"memory: {server.name}, {steps[-1]:,} calls")
        try:
            sizes[server.name] = _measure_server(server, steps)
        except (FailedError, OSError, ValueError) as error:
            say(f"FAILED: memory of {server.name}: {error}")
            sizes[server.name] = str(error)
    return sizes


def _measure_server(server: Server, steps: Sequence[int]) -> dict[int, MiB]:
    with run_server(server) as live:
        live.wait()
        sizes, requests = {0: measure_resident(live.pid)}, 0
        for step in steps:
            client.drive(live.port, server.path, step - requests)
            requests = step
            sizes[step] = measure_resident(live.pid)
    return sizes


def compute_ratio(sizes: dict[str, Sizes], name: str, base: str) -> float | None:
    """Return the ratio after the last step."""
    own, other = sizes.get(name), sizes.get(base)
    if not isinstance(own, dict) or not isinstance(other, dict):
        return None
    return own[max(own)] / other[max(other)]


def compute_growth(sizes: Sizes | None) -> MiB | None:
    """Return MiB gained between the first and the last step; what the first calls set up is not a leak."""
    if not isinstance(sizes, dict):
        return None
    steps = sorted(sizes)
    return sizes[steps[-1]] - sizes[steps[1]]
