"""Share the connections of one port evenly among the workers: a worker with more of them leaves new ones to the others.

The kernel wakes all workers for a connection, and the first to accept gets it. With keep-alive clients that is often
the same worker. So each worker publishes its number of connections in shared memory. One whose init has not finished
leaves all of them to those that serve: it could only refuse calls.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from typing import Any

from ..observability.metrics import WorkerMetrics

_log = logging.getLogger("ovenbird")
_PATIENCE = 0.005  # seconds in which another worker may accept a connection; it may be busy
_AT_ONCE = 16  # connections that are accepted in one turn of the loop
_RETRY = 0.1  # seconds until the next try if there is no free descriptor
_RENEWAL = 0.5  # seconds between two updates of the count: this class does not notice the end of a connection


class AcceptTurns:
    """Accepts connections of `sock` for one worker; `others` are the blocks of all workers, this one's too."""

    def __init__(
        self, sock: socket.socket, backlog: int, protocol: Callable[[], Any], count: Callable[[], int],
        block: WorkerMetrics,
        others: Sequence[WorkerMetrics],
    ) -> None:  # fmt: skip
        self._sock = sock
        self._backlog = backlog
        self._protocol = protocol
        self._count = count  # connections that this worker has
        self._block = block
        self._others = [other for other in others if other is not block]
        self._arriving: set[asyncio.Task[Any]] = set()
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._renewal: asyncio.TimerHandle | None = None
        self._is_exhausted = False  # whether the last try failed for want of a descriptor or memory; logged once
        self._is_closed = False

    def start(self) -> None:
        """Listen. Errors: OSError if another process listens already."""
        self._sock.listen(self._backlog)
        self._loop.add_reader(self._sock.fileno(), self._accept_ready)
        self._renew()

    def close(self) -> None:
        """Stop accepting. The socket stays open."""
        if self._is_closed:
            return
        self._is_closed = True
        self._loop.remove_reader(self._sock.fileno())
        for timer in (self._timer, self._renewal):
            if timer is not None:
                timer.cancel()
        self._block.set_connections(None)

    @property
    def _connection_count(self) -> int:
        return self._count() + len(self._arriving)

    def _renew(self) -> None:
        self._block.set_connections(self._connection_count)
        self._renewal = self._loop.call_later(_RENEWAL, self._renew)

    @property
    def _leaves_all(self) -> bool:
        return self._block.is_initialising and any(other.is_serving for other in self._others)

    def _accept_ready(self) -> None:
        """Accept connections while no other worker has fewer."""
        for _ in range(_AT_ONCE):
            mine = self._connection_count
            if self._leaves_all or any(other.accepts_more(mine) for other in self._others):
                self._pause(_PATIENCE)
                return
            if not self._accept():
                return

    def _accept(self) -> bool:
        try:
            connection, _ = self._sock.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):  # another worker was quicker
            self._is_exhausted = False
            return False
        except OSError as error:
            if not self._is_exhausted:
                _log.error("no connection can be accepted: %s", error.strerror or error)
            self._is_exhausted = True
            self._pause(_RETRY)
            return False
        self._is_exhausted = False
        connection.setblocking(False)
        task = self._loop.create_task(self._adopt(connection))
        self._arriving.add(task)
        task.add_done_callback(self._arriving.discard)
        self._block.set_connections(self._connection_count)
        return True

    async def _adopt(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, connection)
        except OSError:  # the client has disconnected already
            connection.close()

    def _pause(self, seconds: float) -> None:
        """Stop watching the port for a while; then accept one connection if there is one."""
        self._loop.remove_reader(self._sock.fileno())
        self._timer = self._loop.call_later(seconds, self._resume)

    def _resume(self) -> None:
        self._timer = None
        if not self._is_closed:
            self._loop.add_reader(self._sock.fileno(), self._accept_ready)
            if not self._leaves_all:
                self._accept()
