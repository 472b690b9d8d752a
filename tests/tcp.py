"""Servers of raw TCP for tests: each connection has a thread, and `close` ends all of them."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from functools import partial


class TcpServer:
    """Listens on a free port; what `talk` does with a connection is a subclass's."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.connections = 0
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._spawn(self._accept)

    def talk(self, client: socket.socket, number: int) -> None:
        """Serve one connection, the first of which has the number 1, in its own thread; an OSError ends it."""
        raise NotImplementedError

    def close(self) -> None:
        """End every connection and wait for the threads."""
        for sock in (self._server, *self._open):
            hang_up(sock)
        self._server.close()
        for thread in self._threads:
            thread.join(10)
        for sock in self._open:
            sock.close()

    def adopt(self, sock: socket.socket) -> socket.socket:
        """Have a further socket ended by `close`."""
        self._open.append(sock)
        return sock

    def connect(self, address: tuple[str, int]) -> socket.socket:
        """Return a connection of the server's own."""
        return self.adopt(socket.create_connection(address))

    def pump(self, source: socket.socket, target: socket.socket, most: int | None = None) -> None:
        """Pass bytes on in a thread, as `copy_bytes` does."""
        self._spawn(partial(copy_bytes, source, target, most))

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            self.adopt(client)
            self._spawn(partial(self._serve, client, self.connections))

    def _serve(self, client: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError):
            self.talk(client, number)

    def _spawn(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work)
        thread.start()
        self._threads.append(thread)


def copy_bytes(source: socket.socket, target: socket.socket, most: int | None = None) -> None:
    """Pass bytes on until the source ends, then end the target; with `most`, end both after so many bytes."""
    remaining = most
    with contextlib.suppress(OSError):
        while data := source.recv(65536 if remaining is None else min(65536, remaining)):
            target.sendall(data)
            remaining = None if remaining is None else remaining - len(data)
        if most is None:
            target.shutdown(socket.SHUT_WR)
            return
    hang_up(source)
    hang_up(target)


def hang_up(sock: socket.socket) -> None:
    """End both directions of a connection; one that has ended is no error."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
