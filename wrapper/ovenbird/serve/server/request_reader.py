"""The reading side of a connection: from bytes to calls, within the rules of HTTP and the limits."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import unquote

import httptools

from . import framing
from .framing import ChunkReader, RequestError
from .response_cycle import ResponseCycle, ResponseFlow
from .uvicorn_adapter import HIGH_WATER_LIMIT, HttpToolsProtocol

BETWEEN, HEAD, BODY = range(3)  # phases of the parser: between requests, in a head, in a body
_SLICE = 16 * 1024  # bytes that are parsed at once
_WATCHED = frozenset((b"host", b"expect", b"transfer-encoding"))


class RequestReader(HttpToolsProtocol):
    """uvicorn's protocol, with stricter parsing of requests.

    An ambiguous request is refused, and the connection closed: a proxy in front may have read it in another way. All
    bytes outside of a body have a limit, `max_header`. The parser calls the methods whose names begin with `on_`.
    """

    max_header = 64 * 1024
    flow: ResponseFlow
    cycle: Any
    scope: Any
    headers: Any  # a list of pairs; `ChunkReader` once they are complete and the body is chunked
    _phase = BETWEEN
    _is_over = False  # nothing more is read
    _since = 0.0  # when the awaited request began; 0 while a request is answered
    _idle = 0.0  # when the connection became idle, or sent part of a request
    _rest: bytes = b""  # input after requests that wait
    _pending = 0  # upper bound of the bytes of an incomplete head: some may belong to the request before
    _floor = 0  # lower bound of these bytes
    _ended = 0  # number of complete requests; shows whether one ended within a packet
    _ended_before = 0
    _is_careful = False  # whether the head that is being read may be over the limit
    _host: bytes | None = None  # the last valid value of `Host`; the next one is usually the same
    _hosts = 0  # `Host` headers of the request
    _unusual: list[tuple[bytes, bytes]] | None = None  # headers that affect how the request is read
    _upgrade = b""  # the protocol to which the connection is upgraded
    _is_upgrading = False  # whether the parser stops after this head

    def data_received(self, data: bytes) -> None:
        """Feed the parser."""
        if self._is_over:
            return
        if len(data) > _SLICE or self._rest:
            self._feed_slices(data)
        else:
            self._feed(data)

    def _feed_slices(self, data: bytes) -> None:
        """Parse a large packet in slices. When requests have to wait, keep the rest and stop reading."""
        view = memoryview(self._rest + data if self._rest else data)
        self._rest = b""
        for start in range(0, len(view), _SLICE):
            if self.pipeline:
                self._rest = bytes(view[start:])
                self.flow.pause_reading()
                return
            self._feed(view[start : start + _SLICE])
            if self._is_over:
                return

    def _feed(self, data: Any) -> None:
        size = len(data)
        self._is_careful = self._pending + size > self.max_header
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
            if self._phase == BETWEEN and self._ended != self._ended_before:
                self._ended_before = self._ended
                self._pending = self._floor = 0
                self._since = 0.0
            else:
                self._measure(size)
        except (httptools.HttpParserError, RequestError) as error:
            self._refuse(error)

    def _measure(self, size: int) -> None:
        """Count the bytes of incomplete parts. Errors: RequestError 431 over the limit."""
        self._idle = self.loop.time()
        if self._ended != self._ended_before:  # it is unknown where in the packet the request began
            self._ended_before = self._ended
            self._pending, self._floor, self._since = size, 0, 0.0
        else:
            self._pending += size
            self._floor += size
        if self._phase != BODY:  # in a head, or in line ends before it
            self._since = self._since or self._idle
            if self._floor > self.max_header:
                raise framing.head_too_large_error(self.max_header)
            return
        self._pending = self._floor = 0
        if self.cycle is not None and not self.cycle.response_complete:
            self._since = 0.0
        if type(self.headers) is ChunkReader:
            self.headers.feed(size)

    def _switch(self, rest: bytes) -> None:
        """Pass the connection to the protocol for WebSockets, which parses the head again."""
        self._is_over = True
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
        """Read a request as HTTP/1.1 if its upgrade is not accepted (RFC 9110 7.8).

        The parser would skip the body, so a new one gets the head without the upgrade. The handler sees the original
        head.
        """
        headers, version = self.headers, self.parser.get_http_version()
        head = framing.head_without_upgrade(self.parser.get_method(), self.url, version, headers)
        self._is_upgrading = False
        self.parser = _make_parser(self)
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
        self._phase = HEAD
        self._hosts = 0
        self._unusual = None

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header, or count a trailer."""
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
        if self._is_careful and framing.head_size(self.url, self.headers) > self.max_header:
            raise framing.head_too_large_error(self.max_header)
        if parser.should_upgrade() and self._should_pause(method, version):
            return
        url = self.url
        if url[:1] == b"/" and b"#" not in url:
            path, _, scope["query_string"] = url.partition(b"?")
        else:
            path, scope["query_string"], authority = framing.split_target(method, url)
            if authority:  # RFC 9112 3.2.2: the authority overrides `Host`
                self.headers[:] = [pair for pair in self.headers if pair[0] != b"host"] + [(b"host", authority)]
        text = path.decode("ascii")
        scope["path"] = self.root_path + (unquote(text) if "%" in text else text)
        scope["raw_path"] = self.root_path.encode("ascii") + path
        before = self.cycle
        self.cycle = cycle = ResponseCycle(
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
        self._phase = BODY
        if self._unusual is not None and any(name == b"transfer-encoding" for name, _ in self._unusual):
            self.headers = ChunkReader(self.max_header)
        if before is None or before.response_complete:
            self._start(cycle, self.app)
        else:
            self.pipeline.appendleft((cycle, self.app))
            self.flow.pause_reading()

    def on_chunk_header(self) -> None:
        """Count a chunk."""
        self.headers.count += 1  # `headers` is a `ChunkReader` by now

    def on_body(self, body: bytes) -> None:
        """Add a part of the body; drop it if the request was answered already."""
        if type(self.headers) is ChunkReader:
            self.headers.body += len(body)
        cycle = self.cycle
        if cycle.response_complete:
            return
        if cycle.waiting_for_100_continue:  # the client did not wait
            cycle.waiting_for_100_continue = False
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        """End a request."""
        if self._is_upgrading:  # its body has not been read
            return
        self._phase = BETWEEN
        self._ended += 1
        cycle = self.cycle
        cycle.more_body = False
        if cycle.response_complete:  # it was answered before its body had arrived
            self._wait()
        else:
            cycle.message_event.set()
        if self.flow.read_paused:  # the body is complete; reading on notices a client that leaves
            self.flow.resume_reading()

    def _check(self, version: str) -> None:
        """Check headers that most requests do not have. Errors: RequestError."""
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
                raise RequestError(417, "the only supported expectation is `100-continue`")
            self.expect_100_continue = True

    def _should_pause(self, method: str, version: str) -> bool:
        """Decide on a request for an upgrade, and return True: the parser stops after its head.

        Errors: RequestError 501 for `CONNECT`.
        """
        if method == "CONNECT":
            raise RequestError(501, "`CONNECT` is for proxies")
        self._is_upgrading = True
        protocol = framing.upgrade_wanted(self.headers, version)
        idle = self.cycle is None or self.cycle.response_complete  # otherwise its answer would overtake the one before
        if protocol == b"websocket" and method == "GET" and self.ws_protocol_class is not None and idle:
            self._upgrade = protocol
        return True

    # implemented by the protocol

    def _start(self, cycle: Any, app: Any) -> None:
        """Begin a call."""
        raise NotImplementedError

    def _wait(self) -> None:
        """Wait for another request."""
        raise NotImplementedError

    def _refuse(self, error: Exception) -> None:
        """Refuse a request."""
        raise NotImplementedError


def _make_parser(protocol: RequestReader) -> Any:
    """Return a parser with the settings of uvicorn."""
    parser = httptools.HttpRequestParser(protocol)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser
