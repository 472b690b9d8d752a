"""A port and its connections: what uvicorn's server is, without its signals and its end."""

from __future__ import annotations

import asyncio
import socket
from email.utils import formatdate
from typing import Any

import uvicorn
from uvicorn.server import ServerState


class Listener:
    """`servers` listen, once started; `server_state` is what uvicorn's protocols know of each other."""

    def __init__(self, config: uvicorn.Config) -> None:
        self.config = config
        self.server_state = ServerState()
        self.servers: list[asyncio.Server] = []

    async def startup(self, sockets: list[socket.socket]) -> None:
        """Listen. Errors: OSError when another process listens already."""
        loop = asyncio.get_running_loop()
        self._stamp(loop)
        for sock in sockets:
            self.servers.append(await loop.create_server(self.protocol, sock=sock, backlog=self.config.backlog))

    def protocol(self) -> Any:
        """A protocol for one connection."""
        loop = asyncio.get_running_loop()
        protocol: Any = self.config.http_protocol_class
        return protocol(config=self.config, server_state=self.server_state, app_state={}, _loop=loop)

    def _stamp(self, loop: asyncio.AbstractEventLoop) -> None:
        """Renew the header `Date`, once a second."""
        self.server_state.default_headers = [(b"date", formatdate(usegmt=True).encode())]
        loop.call_later(1.0, self._stamp, loop)

    @property
    def connections(self) -> list[Any]:
        """The protocols of all connections."""
        return list(getattr(self.server_state, "connections", ()))

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """The calls in flight."""
        return list(getattr(self.server_state, "tasks", ()))
