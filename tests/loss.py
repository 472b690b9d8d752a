"""A client that counts lost calls: many keep-alive connections, each sends its next call when the last is answered."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_REQUEST = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


@dataclass
class Tally:
    """The outcome of calls. `lost`: sent or connected, without a complete answer; `refused`: never accepted."""

    answered: Counter[int] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    refused: int = 0
    closes: int = 0  # answers that said `connection: close`

    @property
    def total(self) -> int:
        """Calls that were answered."""
        return sum(self.answered.values())


class Load:
    """Calls at full speed over `connections` until `stop()`, or until the port refuses."""

    def __init__(self, url: str, connections: int = 16) -> None:
        address = urlsplit(url)
        self.host, self.port = address.hostname or "", address.port or 0
        self.connections = connections
        self.tally = Tally()
        self.goal = 0
        self.reached = asyncio.Event()  # `goal` calls have been answered
        self._stopped = False

    def stop(self) -> None:
        """Send no further call."""
        self._stopped = True

    async def run(self) -> Tally:
        """Call until it is over."""
        await asyncio.gather(*(self._client() for _ in range(self.connections)))
        return self.tally

    async def _client(self) -> None:
        while not self._stopped:
            try:
                reader, writer = await asyncio.open_connection(self.host, self.port)
            except ConnectionRefusedError:
                self.tally.refused += 1
                return
            try:
                while not self._stopped and not await self._call(reader, writer):
                    pass
            except (OSError, asyncio.IncompleteReadError) as error:
                self.tally.lost.append(repr(error))
            finally:
                writer.close()

    async def _call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Make one call; return whether the server closes the connection."""
        writer.write(_REQUEST)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        lines = head.split("\r\n")
        length = next(int(line[15:]) for line in lines if line.startswith("content-length:"))
        await reader.readexactly(length)
        self.tally.answered[int(lines[0].split()[1])] += 1
        if self.tally.total >= self.goal:
            self.reached.set()
        closes = "connection: close" in lines
        self.tally.closes += closes
        return closes


async def wait_total(load: Load, count: int) -> None:
    """Wait until so many calls have been answered."""
    load.goal = count
    load.reached.clear()
    if load.tally.total < count:
        await load.reached.wait()
