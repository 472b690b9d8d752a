"""One worker: port first, init, ready, drain, close. The only place, with the supervisor, that knows uvicorn."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import Callable
from time import perf_counter
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from ..errors import InitError, SettingsError
from ..function.context import Context
from ..function.handler import Handler, Shape
from ..logs import Lines
from ..settings import Settings
from .app import App
from .call import Call, Reason, Wire
from .gate import Gate
from .internal import Internal
from .journal import Journal
from .metrics import Block, Blocks
from .startup import Startup

_log = logging.getLogger("ovenbird")
STOPPED = 143  # the exit status of a process that SIGTERM ended before it was ready
_BACKLOG = 2048


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol, with a limit on the size of the headers and on the time that they take to come."""

    max_header = 64 * 1024
    _head = 0  # bytes of headers that have come and are not complete
    _since = 0.0  # when the headers that are waited for began; 0 while a request is answered

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._since = self.loop.time()

    def data_received(self, data: bytes) -> None:
        """Feed the parser; refuse headers that are too large, whether they come at once or bit by bit."""
        cycle = self.cycle
        if cycle is None or not cycle.more_body:
            size = self._head + len(data)
            if size > self.max_header and b"\r\n\r\n" not in data[: self.max_header - self._head]:
                self._refuse()
                return
            super().data_received(data)
            if self.cycle is cycle and not self.transport.is_closing():  # no request is complete yet
                self._since = self._since or self.loop.time()
                self._head = size
            else:
                self._head, self._since = 0, 0.0
        else:
            super().data_received(data)

    def late(self, before: float) -> bool:
        """Whether the headers that are waited for began before that time."""
        return 0.0 < self._since < before

    def _refuse(self) -> None:
        body = b'{"type":"about:blank","title":"Request Header Fields Too Large","status":431}'
        self.transport.write(
            b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/problem+json\r\n"
            b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (len(body), body)
        )
        self.transport.close()


class Connection(Wire):
    """What uvicorn knows of a call: its cycle is the object that the method `receive` is bound to."""

    def left(self, call: Call) -> bool:
        """uvicorn closes the transport as soon as it learns that the client has gone."""
        return call.receive.__self__.transport.is_closing()  # type: ignore[attr-defined,no-any-return]

    def body(self, call: Call) -> bytes | None:
        """Most bodies come with their headers: no event to wait for, no message to unpack."""
        cycle = call.receive.__self__  # type: ignore[attr-defined]
        if cycle.more_body or cycle.waiting_for_100_continue:
            return None
        body = bytes(cycle.body)
        cycle.body = bytearray()
        return body

    def respond(self, call: Call, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> bool:
        """Write head and body at once: half the calls and system calls of two ASGI messages.

        All headers come from our own code or have been checked by it. What is unusual goes the usual way.
        """
        cycle = call.receive.__self__  # type: ignore[attr-defined]
        if (
            cycle.response_started or cycle.disconnected or not cycle.keep_alive or cycle.flow.write_paused
            or cycle.waiting_for_100_continue or call.scope["method"] == "HEAD"
        ):  # fmt: skip
            return False
        parts = [STATUS_LINE[status]]
        for name, value in cycle.default_headers:
            parts += (name, b": ", value, b"\r\n")
        for name, value in headers:
            if name == b"connection":
                return False
            parts += (name, b": ", value, b"\r\n")
        parts += (b"\r\n", body)
        cycle.transport.write(b"".join(parts))
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        cycle.on_response()
        return True


def bind(settings: Settings) -> socket.socket:
    """Take the address; connections are refused until a worker listens. Errors: SettingsError."""
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        sock = socket.socket(family, kind, protocol)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror or error}",
            hint="another process may have the port: --port N, or PORT=N; --port 0 takes a free one",
        ) from None
    sock.setblocking(False)
    return sock


class Worker:
    """Serves one handler in this process until it is told to stop."""

    def __init__(
        self, handler: Handler, settings: Settings, sock: socket.socket, lines: Lines, blocks: Blocks, slot: int = 0,
        block: int = 0, tell: Callable[[bytes], None] = lambda _: None, parent: int = -1,
        open_project: Callable[[], Any] = lambda: None,
    ) -> None:  # fmt: skip
        self.handler = handler
        self.settings = settings
        self.sock = sock
        self.gate = Gate()
        self.block: Block = blocks.blocks[block]
        self.context = Context(
            handler.name, root=str(handler.loaded.target.root), worker_id=slot, open_project=open_project
        )
        self.startup = Startup(handler, settings, self.context)
        self.internal = Internal(handler, self.gate, blocks, self._gauge)
        self.journal = Journal(handler.name, lines.put_calls)
        self.app = App(
            handler,
            settings,
            self.context,
            self.gate,
            self.block,
            self.journal,
            wire=Connection(),
            internal=self.internal,
        )
        self._tell = tell  # says `ready` and `retiring` to the parent
        self._parent = parent  # a pipe that ends when the parent does
        self._stop = asyncio.Event()  # drain
        self._hurry = asyncio.Event()  # drain without delay
        self._force = asyncio.Event()  # and without waiting for calls in flight
        self._retiring = False

    def _gauge(self) -> None:
        self.app.gauge()

    def run(self) -> int:
        """Serve until the end; the exit status."""
        import uvloop

        Protocol.max_header = self.settings.max_header
        loop = uvloop.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            return loop.run_until_complete(self._life(loop))
        finally:
            self.journal.flush()

    async def _life(self, loop: asyncio.AbstractEventLoop) -> int:
        self.block.begin()
        self.app.start(loop)
        server = await self._open()
        self._signals(loop)
        beat = loop.create_task(self._beat(server, loop))
        try:
            began = perf_counter()
            if not await self._prepare(loop):
                return STOPPED
            self.block.phase("init", perf_counter() - began)
            gc.freeze()  # what start-up has made stays: no collection need look at it again, and none holds up a call
            self.gate.ready()
            self._tell(b"R")
            await self._stop.wait()
            await self._drain(server, loop)
            self.journal.flush()
            await self.startup.end()
            return 0
        finally:
            beat.cancel()

    async def _open(self) -> uvicorn.Server:
        """Open the port: probes are answered from now on."""
        application = self.handler.shape is Shape.ASGI
        config = uvicorn.Config(
            self.app, http=Protocol, loop="none", ws="auto" if application else "none", lifespan="off", log_config=None,
            access_log=False, proxy_headers=application, server_header=False, backlog=_BACKLOG, interface="asgi3",
            timeout_keep_alive=self.settings.keep_alive,  # type: ignore[arg-type]
        )  # fmt: skip
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[self.sock])
        return server

    async def _prepare(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Construct and init, each once, within the time limit; false when SIGTERM came first."""
        limit = self.settings.init_timeout or None
        work = loop.create_task(self.startup.begin())
        stop = loop.create_task(self._stop.wait())
        await asyncio.wait((work, stop), timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if work.done():
            self.app.application = work.result()
            return True
        work.cancel()
        if self._stop.is_set():
            return False
        raise InitError(f"init of {self.handler.name} did not finish within {limit:g} seconds", hint="--init-timeout")

    def _signals(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.add_signal_handler(signal.SIGTERM, self._terminate)
        loop.add_signal_handler(signal.SIGINT, self._interrupt)
        if self._parent >= 0:
            loop.add_reader(self._parent, self._orphaned)

    def _terminate(self) -> None:
        """The first SIGTERM drains; the second one shortens the drain delay. No accepted call is lost by either."""
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    def _interrupt(self) -> None:
        """Ctrl-C at a terminal: no delay, as nobody routes calls here; the second one stops calls in flight."""
        if self._stop.is_set():
            self._force.set()
        self._hurry.set()
        self._stop.set()

    def _orphaned(self) -> None:
        """The parent is gone without a word: nobody would ever end this process."""
        asyncio.get_running_loop().remove_reader(self._parent)
        _log.warning("the parent process is gone: draining")
        self._stop.set()

    def retire(self, why: str) -> None:
        """Drain this worker and have it replaced."""
        if not self._stop.is_set():
            _log.info("worker %d is replaced: %s", self.context.worker_id, why)
            self._tell(b"X")
            self._retiring = True
            self._hurry.set()
            self._stop.set()

    async def _beat(self, server: uvicorn.Server, loop: asyncio.AbstractEventLoop) -> None:
        """Once a second: uvicorn's date header, connections that send no request, a worker that has served enough."""
        retire_at = _jittered(self.settings.max_requests)
        while True:
            await server.on_tick(0)
            if self.settings.read_timeout:
                before = loop.time() - self.settings.read_timeout
                for connection in list(server.server_state.connections):
                    if isinstance(connection, Protocol) and connection.late(before):
                        connection.transport.close()
            if retire_at and self.app.served >= retire_at:
                self.retire(f"it has served {self.app.served} calls")
            await asyncio.sleep(1.0 if not retire_at else 0.1)

    async def _drain(self, server: uvicorn.Server, loop: asyncio.AbstractEventLoop) -> None:
        """Be not ready, serve on for the delay, close the port, let calls in flight finish, stop those that do not."""
        self.gate.drain()
        _log.info("draining: %d calls in flight", len(self.app.admission.calls))
        await _first(self._hurry, self._force, timeout=self.settings.drain_delay)
        await self._close_port(server, loop)
        end = loop.time() + self.settings.grace
        while server.server_state.tasks and loop.time() < end and not self._force.is_set():
            await _first(self._force, timeout=0.02)
        for connection in list(server.server_state.connections):
            connection.shutdown()
        if server.server_state.tasks:
            _log.warning(
                "%d calls did not finish within the grace limit and are stopped", len(server.server_state.tasks)
            )
            for call in list(self.app.admission.calls):
                self.app.admission.halt(call, Reason.GRACE)
            await asyncio.wait(list(server.server_state.tasks), timeout=1.0)
        self.gate.close()

    async def _close_port(self, server: uvicorn.Server, loop: asyncio.AbstractEventLoop) -> None:
        """Stop listening; connections that the kernel has accepted for us are served, not reset."""
        config, state = server.config, server.server_state
        spare = self.sock.dup()
        for listener in server.servers:
            listener.close()
        if self._retiring:  # the socket stays open in the other workers, which take what waits there
            spare.close()
            return
        spare.setblocking(False)
        while True:
            try:
                connection, _ = spare.accept()
            except OSError:
                break
            connection.setblocking(False)
            factory = lambda: config.http_protocol_class(config=config, server_state=state, app_state={}, _loop=loop)  # type: ignore[call-arg]  # noqa: E731
            await loop.connect_accepted_socket(factory, connection)
        spare.close()
        await asyncio.sleep(0.01)  # what those connections hold is read


async def _first(*events: asyncio.Event, timeout: float) -> None:
    """Wait until one of the events is set, or the time is up."""
    tasks = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


def _jittered(count: int) -> int:
    """A count and up to a tenth more, so that workers do not retire together."""
    import random

    return count + random.randint(0, count // 10) if count else 0  # noqa: S311 (no secret)
