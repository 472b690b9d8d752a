"""Requests per second and latency of every server, in interleaved rounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import client
import wrk
from environments import NotInstalledError, say
from live import Running, running
from processes import FailedError
from servers import BARE, BARE_LEAN, Server

CONNECTIONS = (1, 16, 64)
WARM_CALLS = 2000
WARM_SECONDS = 1
DISTURBED = 0.05  # part of a core

Figures = dict[str, float]


@dataclass
class Row:
    """What was measured of one server: connections to one set of figures per round, or why there is nothing."""

    server: Server
    rounds: dict[int, list[Figures]] = field(default_factory=lambda: {count: [] for count in CONNECTIONS})
    failed: str = ""
    absent: str = ""

    def value(self, connections: int, figure: str) -> float:
        """The median over the rounds."""
        return median(one[figure] for one in self.rounds[connections])


def as_data(row: Row) -> dict[str, Any]:
    """The row for the file of figures."""
    return {"command": row.server.command, "rounds": row.rounds, "failed": row.failed, "not_installed": row.absent}


def measure(servers: Sequence[Server], rounds: int, seconds: int) -> dict[str, Row]:
    """Measure every server once in each round, every other round in reverse; a failure ends that server's part."""
    rows = {server.name: Row(server) for server in servers}
    for turn in range(rounds):
        for row in list(rows.values())[:: -1 if turn % 2 else 1]:
            if row.failed or row.absent:
                continue
            say(f"speed: round {turn + 1} of {rounds}, {row.server.name}")
            try:
                figures = _one(row.server, seconds)
            except NotInstalledError as error:
                row.absent = str(error)
            except (FailedError, OSError, ValueError) as error:
                row.failed = str(error)
                say(f"FAILED: {row.server.name}: {error}")
            else:
                for count, found in figures.items():
                    row.rounds[count].append(found)
    return rows


def _one(server: Server, seconds: int) -> dict[int, Figures]:
    figures = {}
    with running(server) as live:
        live.wait()
        client.drive(live.port, server.path, WARM_CALLS)
        for count in CONNECTIONS:
            wrk.load(live, count, WARM_SECONDS)
            figures[count] = _undisturbed(live, count, seconds)
            live.check()
    return figures


def _undisturbed(live: Running, connections: int, seconds: int) -> Figures:
    """Measure again, at most twice, while other processes take too much of the cores; the least disturbed counts.

    The choice looks at the others only, never at the result.
    """
    found: list[Figures] = []
    while not found or (found[-1]["others_share"] > DISTURBED and len(found) < 3):
        found.append(wrk.load(live, connections, seconds))
    return min(found, key=lambda one: one["others_share"])


def limit(rows: dict[str, Row], connections: int) -> Row | None:
    """The faster of the two bare callables at this number of connections."""
    bare = [rows[one.name] for one in (BARE, BARE_LEAN) if one.name in rows and not rows[one.name].failed]
    return max(bare, key=lambda row: row.value(connections, "requests_per_second"), default=None)


def ratio(row: Row | None, base: Row | None, connections: int, figure: str = "requests_per_second") -> float | None:
    """The median over the rounds of the ratio within a round, which noise that lasts for a round does not move."""
    if row is None or base is None or row.failed or row.absent or base.failed or base.absent:
        return None
    pairs = zip(row.rounds[connections], base.rounds[connections], strict=True)
    return median(one[figure] / other[figure] for one, other in pairs)
