"""Requests per second and latency of every server, in interleaved rounds."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import client
import wrk
from environments import NotInstalledError, say
from live import Running, run_server
from processes import FailedError
from servers import BARE, BARE_LEAN, Server

CONNECTIONS = (1, 16, 64)
WARM_CALLS = 2000
WARM_SECONDS = 1
ATTEMPTS = 3
DISTURBED = 0.05  # part of a core

Figures = dict[str, float]


@dataclass
class Row:
    """The figures of one server: connections to one set of figures per round, or the reason for none."""

    server: Server
    rounds: dict[int, list[Figures]] = field(default_factory=lambda: {count: [] for count in CONNECTIONS})
    failed: str = ""
    absent: str = ""

    def find_median(self, connections: int, figure: str) -> float:
        """Return the median over the rounds."""
        return median(figures[figure] for figures in self.rounds[connections])


def to_data(row: Row) -> dict[str, Any]:
    """Return the row for the file of figures."""
    return {"command": row.server.command, "rounds": row.rounds, "failed": row.failed, "not_installed": row.absent}


def measure(servers: Sequence[Server], rounds: int, seconds: int) -> dict[str, Row]:
    """Measure every server in each round, every other round in reverse; a failure ends that server's part."""
    rows = {server.name: Row(server) for server in servers}
    for turn in range(rounds):
        say(f"speed: round {turn + 1} of {rounds}")
        remaining = [row for row in rows.values() if not row.failed and not row.absent]
        _round(remaining[:: -1 if turn % 2 else 1], seconds)
    return rows


def _round(rows: Sequence[Row], seconds: int) -> None:
    """Start all servers, then measure one after the other at each number of connections.

    All are up at once so that figures which are compared are taken close to each other; only one is ever busy.
    """
    with ExitStack() as stack:
        up: list[tuple[Row, Running]] = []
        for row in rows:
            with _record_failure(row):
                live = stack.enter_context(run_server(row.server))
                live.wait()
                client.drive(live.port, row.server.path, WARM_CALLS)
                up.append((row, live))
        for count in CONNECTIONS:
            for row, live in up:
                if not row.failed:
                    with _record_failure(row):
                        row.rounds[count].append(_measure(live, count, seconds))


@contextmanager
def _record_failure(row: Row) -> Iterator[None]:
    """Keep the reason why a server gives no figures, and go on."""
    try:
        yield
    except NotInstalledError as error:
        row.absent = str(error)
    except (FailedError, OSError, ValueError) as error:
        row.failed = str(error)
        say(f"FAILED: {row.server.name}: {error}")


def _measure(live: Running, connections: int, seconds: int) -> Figures:
    """Load a server until others take little of the cores meanwhile, three times at most; the least disturbed counts.

    The choice looks at the others only, never at the result. A failure counts unless it came with a disturbance:
    a machine that stands still times out, whatever the server does.
    """
    rounds: list[Figures] = []
    for attempts_left in reversed(range(ATTEMPTS)):
        try:
            wrk.load(live, connections, WARM_SECONDS)
            rounds.append(wrk.load(live, connections, seconds))
        except wrk.LoadError as error:
            if compute_disturbance(error.figures) <= DISTURBED or not (attempts_left or rounds):
                raise
        if rounds and compute_disturbance(rounds[-1]) <= DISTURBED:
            break
        time.sleep(1 if attempts_left else 0)
    live.check()
    return min(rounds, key=compute_disturbance)


def compute_disturbance(figures: Figures) -> float:
    """Return the share of one core that the server and the client did not get."""
    return figures["others_share"] + figures["stolen_share"]


def find_limit(rows: dict[str, Row], connections: int) -> Row | None:
    """Return the faster of the two bare callables at this number of connections."""
    bare = [rows[server.name] for server in (BARE, BARE_LEAN) if server.name in rows and not rows[server.name].failed]
    return max(bare, key=lambda row: row.find_median(connections, "requests_per_second"), default=None)


def compute_ratio(
    row: Row | None, base: Row | None, connections: int, figure: str = "requests_per_second"
) -> float | None:
    """The median over the rounds of the ratio within a round, which noise that lasts for a round does not move."""
    ratios = list_ratios(row, base, connections, figure)
    return median(ratios) if ratios else None


def list_ratios(
    row: Row | None, base: Row | None, connections: int, figure: str = "requests_per_second"
) -> list[float]:
    """Return the ratio within each round; none where one of the two gives no figures."""
    if row is None or base is None or row.failed or row.absent or base.failed or base.absent:
        return []
    pairs = zip(row.rounds[connections], base.rounds[connections], strict=True)
    return [figures[figure] / other[figure] for figures, other in pairs]
