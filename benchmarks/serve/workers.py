"""How evenly workers share keep-alive clients, and what calls are lost when a service drains under load."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import client
from environments import say
from live import run_server
from processes import FailedError
from servers import Server, make_pid_server

CLIENTS = 32
WORKERS = (2, 4)
TRIALS = 5
DRAINS = 40
CALLS_BEFORE = 500  # calls that are answered before the service is told to end
_REQUEST = b"POST / HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
Shares = dict[str, list[list[int]] | str]


def measure_shares(servers: Sequence[Server]) -> Shares:
    """Return for each server the number of clients that each worker has, in every trial."""
    shares: Shares = {}
    for server in servers:
        try:
            shares[server.name] = [_measure_shares_once(server) for _ in range(TRIALS)]
        except (FailedError, OSError) as error:
            say(f"FAILED: {server.name}: {error}")
            shares[server.name] = str(error)
    return shares


def _measure_shares_once(server: Server) -> list[int]:
    with run_server(server) as live:
        live.wait(ready_path="/_/ready")
        client.settle(live.port, server.workers)
        with ExitStack() as stack:
            connections = [stack.enter_context(client.Connection(live.port)) for _ in range(CLIENTS)]
            counts: Counter[bytes] = Counter()
            for connection in connections:
                connection.send(_REQUEST)
                counts[connection.read_answer()[1]] += 1
            shares = sorted(counts.values(), reverse=True)
            return [*shares, *[0] * (server.workers - len(shares))]


def measure_drains() -> dict[str, Any]:
    """End a service under load again and again, with one worker and with two; return what became of the calls."""
    outcome: dict[str, Any] = {"drains": 0, "answered": 0, "lost": [], "statuses": []}
    for turn in range(DRAINS):
        server = make_pid_server(1 + turn % 2)
        with run_server(server) as live:
            live.wait(ready_path="/_/ready")
            answered, lost = asyncio.run(_load(live.port, live.pid))
            status = live.process.wait(30)
        outcome["drains"] += 1
        outcome["answered"] += answered
        outcome["lost"] += lost
        if status:
            outcome["statuses"].append(status)
        if not turn % 10:
            say(f"drains: {turn} of {DRAINS}")
    return outcome


async def _load(port: int, pid: int) -> tuple[int, list[str]]:
    """Call over 16 connections until the port refuses; the service is stopped meanwhile."""
    answered = 0
    lost: list[str] = []

    async def caller() -> None:
        nonlocal answered
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                return
            try:
                closing = False
                while not closing:
                    writer.write(_REQUEST)
                    head = (await reader.readuntil(b"\r\n\r\n")).lower()
                    length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
                    await reader.readexactly(length)
                    if not head.startswith(b"http/1.1 200"):
                        lost.append(head.split(b"\r\n")[0].decode())
                    answered += 1
                    if answered == CALLS_BEFORE:
                        os.kill(pid, signal.SIGTERM)
                    closing = b"connection: close" in head
            except (OSError, asyncio.IncompleteReadError) as error:
                lost.append(repr(error))
            finally:
                writer.close()

    await asyncio.gather(*(caller() for _ in range(16)))
    return answered, lost
