"""uvicorn's side of a call: its HTTP protocol held to the rules and to limits, and what it knows beyond ASGI."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Callable
from contextvars import copy_context
from time import monotonic
from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from . import framing
from .admission import TICK
from .call import Call, Wire
from .cycle import Cycle, Flow
from .framing import Chunks, RequestError
from .pending_output import PendingOutput
from .problems import problem

_log = logging.getLogger("ovenbird")
_SLICE = 16 * 1024  # bytes that are parsed at once: what they hold may have to wait
_LINGER = 1.0  # seconds for which a client that was refused may go on sending, so that it sees the answer and no reset
_HALF_OPEN = 1.0  # seconds that an answer has for a client that sends no more: it has left, or waits for the answer
_UNSPOKEN = ("Invalid HTTP version", "Pause on PRI/Upgrade")  # what the parser says of other versions
_WATCHED = frozenset((b"host", b"expect", b"transfer-encoding"))
_BETWEEN, _HEAD, _BODY = range(3)  # where the parser stands: between requests, in a head, in a body
_SPECIAL = (b"connection", b"date")
_CLOSE_WAIT = 8  # the state of a connection whose other side sends no more


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol, with limits on the size of heads and on the time that they take to come.

    Whatever is ambiguous is refused, and the connection ends: a proxy in front may have read it in another way.
    """

    max_header = 64 * 1024
    count: Callable[[int], None] = staticmethod(lambda _: None)  # told the status of each request that is refused
    output: PendingOutput | None = None  # watches clients that are behind
    flow: Flow
    cycle: Any
    scope: Any
    headers: Any  # a list of pairs; `Chunks` once they are complete and the body is chunked
    _phase = _BETWEEN
    _since = 0.0  # when what is waited for began; 0 while a request is answered
    _pending = 0  # bytes of a head that is not complete, at most: some may belong to the request before
    _floor = 0  # and at least
    _ended = 0  # requests that ended; tells whether one ended within a packet
    _ended_before = 0
    _careful = False  # whether the head that is being read may be over the limit
    _host: bytes | None = None  # the last valid value of `Host`: mostly the next one is the same
    _hosts = 0  # `Host` headers of the request
    _unusual: list[tuple[bytes, bytes]] | None = None  # headers that have a say in how the request is read
    _upgrade = b""  # the protocol that the client wants, where that decides how to go on
    _upgrading = False  # whether the parser stops behind this head
    _over = False  # nothing more is read
    _last: bytes = b""  # the refusal that is sent when the calls before it are answered
    _rest: bytes = b""  # what has come behind requests that wait
    _half_open: asyncio.TimerHandle | None = None
    _timer: asyncio.TimerHandle | None = None
    _idle = 0.0  # when the connection began to rest, or sent what is no request yet

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        self.flow = Flow(transport, self.pipeline)
        self._since = self.loop.time()
        self._context = copy_context()  # no call's: what a call sets must not outlive it

    def data_received(self, data: bytes) -> None:
        """Feed the parser."""
        if self._over:
            return
        if len(data) > _SLICE or self._rest:
            self._feed_slices(data)
        else:
            self._feed(data)

    def _feed_slices(self, data: bytes) -> None:
        """Parse a large packet until requests have to wait; its rest is kept, and no more is read."""
        view = memoryview(self._rest + data if self._rest else data)
        self._rest = b""
        for start in range(0, len(view), _SLICE):
            if self.pipeline:
                self._rest = bytes(view[start:])
                self.flow.pause_reading()
                return
            self._feed(view[start : start + _SLICE])
            if self._over:
                return

    def _feed(self, data: Any) -> None:
        size = len(data)
        self._careful = self._pending + size > self.max_header
        try:
            while True:
                try:
                    self.parser.feed_data(data)
                    break
                except httptools.HttpParserUpgrade as pause:  # behind the head; its body, if any, comes next
                    data = memoryview(data)[pause.args[0] :]
                if self._upgrade:
                    self._switch(bytes(data))
                    return
                self._read_on()
            if self._phase == _BETWEEN and self._ended != self._ended_before:
                self._ended_before = self._ended
                self._pending = self._floor = 0
                self._since = 0.0
            else:
                self._measure(size)
        except (httptools.HttpParserError, RequestError) as error:
            self._refuse(error)

    def _measure(self, size: int) -> None:
        """Hold what is not complete to the limit. Errors: RequestError 431."""
        self._idle = self.loop.time()
        if self._ended != self._ended_before:  # where the request began in the packet is not known
            self._ended_before = self._ended
            self._pending, self._floor, self._since = size, 0, 0.0
        else:
            self._pending += size
            self._floor += size
        if self._phase != _BODY:  # in a head, or in line ends before it
            self._since = self._since or self._idle
            if self._floor > self.max_header:
                raise framing.too_large(self.max_header)
            return
        self._pending = self._floor = 0
        if self.cycle is not None and not self.cycle.response_complete:
            self._since = 0.0
        if type(self.headers) is Chunks:
            self.headers.feed(size)

    def _switch(self, rest: bytes) -> None:
        """Hand the connection over to the protocol for WebSockets, which reads the head again."""
        self._over = True
        self.connections.discard(self)
        lines = b"".join(b"%s: %s\r\n" % pair for pair in self.headers)
        protocol: Any = self.ws_protocol_class
        sockets = protocol(config=self.config, server_state=self.server_state, app_state=self.app_state)
        sockets.connection_made(self.transport)
        sockets.data_received(b"GET %s HTTP/1.1\r\n%s\r\n" % (self.url, lines))
        self.transport.set_protocol(sockets)
        if rest and not self.transport.is_closing():
            sockets.data_received(rest)

    def _read_on(self) -> None:
        """Read a request whose wish for another protocol is not granted as what it is: HTTP/1.1 (RFC 9110 7.8).

        The parser has skipped the body; a new one is given the head without the wish. The handler sees the head as it
        was sent.
        """
        headers, version = self.headers, self.parser.get_http_version()
        head = framing.head_without_upgrade(self.parser.get_method(), self.url, version, headers)
        self._upgrading = False
        self.parser = _parser(self)
        self.parser.feed_data(head)
        self.scope["headers"] = headers

    def on_message_begin(self) -> None:
        """Begin a request."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self.scope = {
            "type": "http",
            "asgi": {"version": self.config.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1",
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": self.root_path,
            "headers": self.headers,
            "state": self.app_state.copy(),
        }
        self._phase = _HEAD
        self._hosts = 0
        self._unusual = None

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, or a trailer."""
        name = name.lower()
        value = value.rstrip()
        if name in _WATCHED:
            if name == b"host":
                self._hosts += 1
                if value != self._host:
                    framing.check_host(value)
                    self._host = value
            else:
                self._unusual = [*(self._unusual or ()), (name, value)]
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Begin the cycle of a request. Errors: RequestError, which the parser passes on."""
        parser, scope = self.parser, self.scope
        version = parser.get_http_version()
        scope["method"] = method = parser.get_method().decode("ascii")
        if self._hosts != 1 or self._unusual is not None or version != "1.1":
            self._check(version)
        if self._careful and framing.head_size(self.url, self.headers) > self.max_header:
            raise framing.too_large(self.max_header)
        if parser.should_upgrade() and self._pauses(method, version):
            return
        url = self.url
        if url[:1] == b"/" and b"#" not in url:
            path, _, scope["query_string"] = url.partition(b"?")
        else:
            path, scope["query_string"], authority = framing.split_target(method, url)
            if authority:  # RFC 9112 3.2.2: it counts, and not the header
                self.headers[:] = [pair for pair in self.headers if pair[0] != b"host"] + [(b"host", authority)]
        text = path.decode("ascii")
        scope["path"] = self.root_path + (unquote(text) if "%" in text else text)
        scope["raw_path"] = self.root_path.encode("ascii") + path
        before = self.cycle
        self.cycle = cycle = Cycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version == "1.1" and parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        self._phase = _BODY
        if self._unusual is not None and any(name == b"transfer-encoding" for name, _ in self._unusual):
            self.headers = Chunks(self.max_header)
        if before is None or before.response_complete:
            self._start(cycle, self.app)
        else:
            self.pipeline.appendleft((cycle, self.app))
            self.flow.pause_reading()

    def on_chunk_header(self) -> None:
        """Count a chunk."""
        self.headers.count += 1  # `Chunks` stands there by now

    def on_body(self, body: bytes) -> None:
        """Take a part of the body; of one that was answered already, nothing."""
        if type(self.headers) is Chunks:
            self.headers.body += len(body)
        cycle = self.cycle
        if cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        """End a request."""
        if self._upgrading:  # its body has not been read
            return
        self._phase = _BETWEEN
        self._ended += 1
        cycle = self.cycle
        cycle.more_body = False
        if cycle.response_complete:  # it was answered before its body had come
            self._wait()
        else:
            cycle.message_event.set()
        if self.flow.read_paused:  # nobody asks for more of the body, and a client that leaves is to be noticed
            self.flow.resume_reading()

    def on_response_complete(self) -> None:
        """Go on with the next request, or end the connection, or wait."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self.flow.read_paused:
            self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._context.run(self._start, cycle, app)  # and not in that of the call that was answered
            if self._rest and not self.pipeline:
                self._feed_slices(b"")
        elif self._last:
            self._end(self._last)
        elif self.flow.ended:
            self.transport.close()
        else:
            if self._phase == _BODY:  # the rest of the body has a limit in time too
                self._since = self.loop.time()
            self._wait()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Keep the connection of a client that sends no more while it may still wait for its answer.

        A client that leaves looks the same until something is sent to it: see `_end_half_open`.
        """
        cycle = self.cycle
        reading = self._phase == _BODY and not self._over  # a body that will never be whole
        if cycle is None or cycle.response_complete or cycle.disconnected or reading:
            return False
        self.flow.ended = monotonic()
        self._half_open = self.loop.call_later(_HALF_OPEN, self._end_half_open)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything."""
        for timer in (self._half_open, self._timer):
            if timer is not None:
                timer.cancel()
        self._over, self._rest, self._last = True, b"", b""
        if self.output is not None:
            self.output.remove(self)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Have the client watched: more is pending than it takes at once."""
        super().pause_writing()
        if self.output is not None:
            self.output.add(self)

    def resume_writing(self) -> None:
        """Go on: the client has caught up."""
        super().resume_writing()
        if self.output is not None:
            self.output.remove(self)

    def late(self, before: float) -> bool:
        """Whether what is waited for began before that time."""
        return 0.0 < self._since < before and (self.cycle is None or self.cycle.response_complete)

    def _check(self, version: str) -> None:
        """Look at what most requests do not have. Errors: RequestError."""
        codings: list[bytes] = []
        expectations: list[bytes] = []
        for name, value in self._unusual or ():
            (codings if name == b"transfer-encoding" else expectations).append(value)
        framing.check_version(version, host=self._hosts > 0, codings=bool(codings))
        self.scope["http_version"] = version
        if self._hosts > 1:
            raise RequestError(400, "the request has several `Host` headers")
        if codings:
            framing.check_codings(b",".join(codings))
        if expectations and version == "1.1":
            if {value.lower() for value in expectations} != {b"100-continue"}:
                raise RequestError(417, "the only expectation that is understood is `100-continue`")
            self.expect_100_continue = True

    def _pauses(self, method: str, version: str) -> bool:
        """Decide on a request that would rather speak another protocol: the parser stops behind its head.

        Errors: RequestError 501 for `CONNECT`.
        """
        if method == "CONNECT":
            raise RequestError(501, "`CONNECT` is for proxies")
        self._upgrading = True
        wanted = framing.upgrade_wanted(self.headers, version)
        idle = self.cycle is None or self.cycle.response_complete  # or its answer would overtake the one before
        if wanted == b"websocket" and method == "GET" and self.ws_protocol_class is not None and idle:
            self._upgrade = wanted
        return True

    def _start(self, cycle: Any, app: Any) -> None:
        task = self.loop.create_task(cycle.run_asgi(app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def _wait(self) -> None:
        """Wait for another request. The timer is not begun anew for each: it looks when the last answer was given."""
        self._idle = self.loop.time()
        if self._timer is None:
            self._timer = self.loop.call_later(self.timeout_keep_alive, self._end_idle, context=self._context)

    def _end_idle(self) -> None:
        self._timer = None
        if not self.cycle.response_complete:  # the timer begins again after the answer
            return
        rest = self._idle + self.timeout_keep_alive - self.loop.time()
        if rest > 0:
            self._timer = self.loop.call_later(rest, self._end_idle)
        else:
            self.transport.close()

    def _refuse(self, error: Exception) -> None:
        """Answer a request that cannot be read, after the calls before it, and end the connection."""
        cause = error if isinstance(error, RequestError) else error.__context__
        if not isinstance(cause, RequestError):
            unspoken = str(error) in _UNSPOKEN
            cause = RequestError(505 if unspoken else 400, f"the request is no HTTP/1.1: {error}")
        self._over, self._rest = True, b""
        answer = self._answer(cause)
        cycle = self.cycle
        waiting = cycle is not None and not cycle.response_complete
        if self._phase != _BODY:
            if waiting:
                self._last = answer
            else:
                self._end(answer)
        elif self.pipeline and waiting:  # the newest in the queue is the one that is malformed
            self.pipeline.popleft()
            self._last = answer
        elif waiting and not cycle.response_started:
            cycle.disconnected = True  # its handler is stopped as that of a client that left
            cycle.message_event.set()
            self._end(answer)
        else:
            self.transport.close()

    def _answer(self, error: RequestError) -> bytes:
        _log.warning("a request was refused: %d: %s", error.status, error.detail)
        type(self).count(error.status)
        reply = problem(error.status, error.detail)
        headers = [*self.server_state.default_headers, *reply.headers, (b"connection", b"close")]
        lines = b"".join(b"%s: %s\r\n" % pair for pair in headers)
        return b"%s%s\r\n%s" % (STATUS_LINE[error.status], lines, reply.body)

    def _end(self, answer: bytes) -> None:
        """Send the last answer of the connection. What the client goes on to send is thrown away for a moment: closing
        on unread bytes is a reset, which may overtake the answer."""
        self._last = b""
        self.transport.write(answer)
        if self.flow.ended:
            self.transport.close()
            return
        self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(_LINGER, self.transport.close)

    def _end_half_open(self) -> None:
        """Close the connection of a client that sends no more, unless it has just been sent something.

        A client that has left answers that with a reset.
        """
        if self.transport.get_write_buffer_size() or _sent_lately(self.transport):
            self._half_open = self.loop.call_later(_HALF_OPEN, self._end_half_open)
        else:
            self.transport.close()


def _parser(protocol: Protocol) -> Any:
    """A parser, set as uvicorn's own."""
    parser = httptools.HttpRequestParser(protocol)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser


def _sent_lately(transport: Any) -> bool:
    """Whether bytes were sent within the last `_HALF_OPEN` seconds on a connection that was not reset."""
    try:
        info = transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 48)
        state, (milliseconds,) = info[0], struct.unpack_from("=I", info, 44)  # tcpi_state, tcpi_last_data_sent
    except (AttributeError, OSError, struct.error):
        return False
    return bool(state == _CLOSE_WAIT and milliseconds < _HALF_OPEN * 1000)


class Connection(Wire):
    """What uvicorn knows of a call: its cycle is the object that the method `receive` is bound to."""

    _defaults: list[tuple[bytes, bytes]] | None = None
    _head = b""

    def left(self, call: Call) -> bool:
        """The transport is closed as soon as the client is known to have gone. One that sends no more may have gone: it
        does not keep its place in the queue."""
        cycle: Any = call.receive.__self__  # type: ignore[attr-defined]
        if cycle.transport.is_closing() or cycle.disconnected:
            return True
        ended = cycle.flow.ended
        return bool(ended and call.waits and monotonic() - ended > TICK)

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
        if cycle.default_headers is not self._defaults:  # uvicorn makes a new list when the date changes
            self._defaults = cycle.default_headers
            self._head = b"".join(b"%s: %s\r\n" % pair for pair in self._defaults)
        parts = [STATUS_LINE[status], self._head]
        for name, value in headers:
            if name in _SPECIAL:  # it changes other headers
                return False
            parts += (name, b": ", value, b"\r\n")
        parts += (b"\r\n", body)
        cycle.transport.write(b"".join(parts))
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        cycle.on_response()
        return True
