"""A port and its connections, like uvicorn's server without its signal handlers and shutdown."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from email.utils import formatdate
from typing import Any

import uvicorn

from ..observability.metrics import WorkerMetrics
from .accept_turns import AcceptTurns


class HttpServer:
    """Serves a port. `servers` are the listeners; `server_state` is shared by the protocols of uvicorn."""

    def __init__(
        self, config: uvicorn.Config, block: WorkerMetrics | None = None, others: Sequence[WorkerMetrics] = ()
    ) -> None:
        self.config = config
        self.server_state = uvicorn.Server(config).server_state
        self.servers: list[asyncio.Server | AcceptTurns] = []
        self._block, self._others = block, others  # set for a worker that shares its port with others

    async def startup(self, sockets: list[socket.socket]) -> None:
        """Listen. Errors: OSError if another process listens already."""
        loop = asyncio.get_running_loop()
        self._stamp(loop)
        for sock in sockets:
            if self._block is not None:
                count = lambda: len(self.connections)  # noqa: E731
                turns = AcceptTurns(
                    sock, self.config.backlog, self.protocol, count, self._block, self._others
                )  # fmt: skip
                turns.start()
                self.servers.append(turns)
                continue
            self.servers.append(await loop.create_server(self.protocol, sock=sock, backlog=self.config.backlog))

    def protocol(self) -> Any:
        """Return a new protocol for one connection."""
        loop = asyncio.get_running_loop()
        protocol: Any = self.config.http_protocol_class
        return protocol(config=self.config, server_state=self.server_state, app_state={}, _loop=loop)

    def _stamp(self, loop: asyncio.AbstractEventLoop) -> None:
        """Update the header `Date`, once a second."""
        self.server_state.default_headers = [(b"date", formatdate(usegmt=True).encode())]
        loop.call_later(1.0, self._stamp, loop)

    @property
    def connections(self) -> list[Any]:
        """Return the protocols of all connections."""
        return list(getattr(self.server_state, "connections", ()))

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """Return the tasks of the calls in flight."""
        return list(getattr(self.server_state, "tasks", ()))
