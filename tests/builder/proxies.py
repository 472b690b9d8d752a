"""A TCP proxy before a registry that breaks connections off, so that a client meets what a bad network does."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Breaking:
    """Passes bytes on; the first `breaks` connections end after `after` bytes from the client, `seen` counts all."""

    def __init__(self, upstream: str, breaks: int, after: int) -> None:
        host, _, port = upstream.partition(":")
        self.upstream, self.breaks, self.after, self.seen = (host, int(port)), breaks, after, 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._server.getsockname()[1]}"
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for one in list(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            with self._lock:
                self.seen += 1
                limit = self.after if self.seen <= self.breaks else None
            server = socket.create_connection(self.upstream)
            self._open |= {client, server}
            for source, target, most in ((client, server, limit), (server, client, None)):
                thread = threading.Thread(target=self._pass, args=(source, target, most))
                thread.start()
                self._threads.append(thread)

    def _pass(self, source: socket.socket, target: socket.socket, most: int | None) -> None:
        left = most
        with contextlib.suppress(OSError):
            while data := source.recv(65536 if left is None else min(65536, left)):
                target.sendall(data)
                if left is not None:
                    left -= len(data)
                    if left <= 0:
                        break
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            self._open.discard(one)
        with contextlib.suppress(OSError):
            source.close()


@contextmanager
def breaking(upstream: str, *, breaks: int, after: int = 0) -> Iterator[Breaking]:
    """A proxy before `upstream` ("127.0.0.1:5000")."""
    found = Breaking(upstream, breaks, after)
    try:
        yield found
    finally:
        found.close()
