"""A TCP proxy before a registry that breaks connections off, so that a client meets what a bad network does."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from tests.tcp import TcpServer, copy_bytes


class BreakingProxy(TcpServer):
    """Passes bytes on; the first `breaks` connections end after `after` bytes from the client."""

    def __init__(self, upstream: str, breaks: int, after: int) -> None:
        host, _, port = upstream.partition(":")
        self.upstream, self.breaks, self.after = (host, int(port)), breaks, after
        super().__init__()
        self.address = f"127.0.0.1:{self.port}"

    def talk(self, client: socket.socket, number: int) -> None:
        """Pass a connection on, and break it off while it is one of the first."""
        most = self.after if number <= self.breaks else None
        server = self.connect(self.upstream)
        self.pump(server, client)
        copy_bytes(client, server, most)


@contextmanager
def breaking(upstream: str, *, breaks: int, after: int = 0) -> Iterator[BreakingProxy]:
    """Yield a proxy before `upstream` ("127.0.0.1:5000")."""
    proxy = BreakingProxy(upstream, breaks, after)
    try:
        yield proxy
    finally:
        proxy.close()
