"""The drain of a worker: report not ready, close the port, wait for calls in flight, then stop them."""

from __future__ import annotations

import asyncio
import logging
import socket

from ..app import App
from ..call import StopReason
from .http_server import HttpServer
from .listener import refuse_new
from .stop_requests import StopRequests

_log = logging.getLogger("ovenbird")
_LINGER = 1.0  # seconds for which a connection without a request is kept after the port was closed


class Drain:
    """Ends the service of one worker on the running loop. `prober` is its server for probes, if that has its own."""

    def __init__(
        self, app: App, stops: StopRequests, sock: socket.socket, server: HttpServer, prober: HttpServer | None
    ) -> None:
        self._app = app
        self._stop_requests = stops
        self._sock = sock
        self._server = server
        self._prober = prober
        self._loop = asyncio.get_running_loop()

    async def run(self) -> None:
        """Report not ready, serve for the drain delay, close the port, wait for calls in flight, then stop them."""
        lifecycle, settings, stops = self._app.lifecycle, self._app.settings, self._stop_requests
        lifecycle.drain()
        _log.info("draining: %d calls in flight", len(self._app.limiter.calls))
        # other workers accept new connections; those of this worker are closed after one more answer
        if stops.is_retiring:
            _stop_listening(self._server)
            if self._prober is not None:
                _stop_listening(self._prober)
            await _wait_for_first(stops.hurry, stops.force, timeout=settings.drain_delay)
        else:
            await _wait_for_first(stops.hurry, stops.force, timeout=settings.drain_delay)
            await self._close_port()
        end = self._loop.time() + settings.grace
        await self._wait_until_quiet(end)
        await self._finish()
        while self._server.connections and self._loop.time() < end and not stops.force.is_set():
            await _wait_for_first(stops.force, timeout=0.02)  # answers that slow clients have not received yet
        lifecycle.close()

    async def _close_port(self) -> None:
        """Stop listening. Connections that the kernel has accepted already are served, not reset."""
        spare = self._sock.dup()
        _stop_listening(self._server)
        await refuse_new(spare)
        while True:
            try:
                connection, _ = spare.accept()
            except OSError:
                break
            connection.setblocking(False)
            await self._loop.connect_accepted_socket(self._server.protocol, connection)
        spare.close()

    async def _wait_until_quiet(self, end: float) -> None:
        """Wait until no call is in flight, and none is expected on a new connection."""
        server, loop, stops = self._server, self._loop, self._stop_requests
        patience = min(end, loop.time() + (0.0 if stops.hurry.is_set() else _LINGER))
        for connection in server.connections:
            if not hasattr(connection, "cycle"):
                connection.shutdown()  # a WebSocket has to be closed: it may never end by itself
        while loop.time() < end and not stops.force.is_set():
            fresh = any(getattr(connection, "cycle", connection) is None for connection in server.connections)
            if not server.tasks and not self._app.is_finishing and not (fresh and loop.time() < patience):
                return
            await _wait_for_first(stops.force, timeout=0.02)

    async def _finish(self) -> None:
        """Close idle connections, and stop the calls in flight."""
        for connection in self._server.connections:
            connection.shutdown()
        tasks = self._server.tasks
        if tasks:
            _log.warning("%d calls did not finish within the grace limit and are stopped", len(tasks))
            for call in list(self._app.limiter.calls):
                self._app.limiter.cancel(call, StopReason.GRACE)
            await asyncio.wait(tasks, timeout=1.0)


def _stop_listening(server: HttpServer) -> None:
    for listener in server.servers:
        listener.close()


async def _wait_for_first(*events: asyncio.Event, timeout: float) -> None:
    """Wait until one of the events is set, at most `timeout` seconds."""
    tasks = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
