"""The only module that uses internals of uvicorn: its private classes, and the access to a call beyond ASGI.

The modules of a connection (`request_reader`, `response_cycle`, `protocol`) import uvicorn's classes from here, and use
only the attributes that are listed here. `engine` checks at the start whether any is missing; then it falls back to
uvicorn's own protocol, by public settings.
"""

from __future__ import annotations

from time import monotonic
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from ..call import HttpCall, ServerTransport
from ..concurrency.limiter import TICK

__all__ = [
    "HIGH_WATER_LIMIT",
    "STATUS_LINE",
    "FlowControl",
    "HttpToolsProtocol",
    "RequestResponseCycle",
    "UvicornTransport",
    "missing_parts",
]  # fmt: skip
# the attributes of uvicorn's classes that our classes use
PROTOCOL = (
    "access_log", "access_logger", "app", "app_state", "config", "connection_lost", "connection_made", "connections",
    "cycle", "flow", "logger", "loop", "parser", "pause_writing", "pipeline", "resume_writing", "root_path",
    "server_state", "shutdown", "tasks", "timeout_keep_alive", "transport", "ws_protocol_class",
)  # fmt: skip
CYCLE = (
    "body", "chunked_encoding", "default_headers", "disconnected", "expected_content_length", "flow", "keep_alive",
    "message_event", "more_body", "on_response", "receive", "response_complete", "response_started", "run_asgi",
    "scope", "send", "transport", "waiting_for_100_continue",
)  # fmt: skip
FLOW = ("drain", "pause_reading", "pause_writing", "read_paused", "resume_reading", "resume_writing", "write_paused")
STATE = ("connections", "default_headers", "tasks", "total_requests")
_SPECIAL = (b"connection", b"date")  # headers that affect other headers


class UvicornTransport(ServerTransport):
    """Access to a call by uvicorn's cycle, the object that the method `receive` is bound to."""

    _defaults: list[tuple[bytes, bytes]] | None = None
    _head = b""

    def is_disconnected(self, call: HttpCall) -> bool:
        """Return whether the client has disconnected.

        A client that sends no more counts as gone while its call waits.
        """
        cycle: Any = call.receive.__self__  # type: ignore[attr-defined]
        if cycle.transport.is_closing() or cycle.disconnected:
            return True
        ended = cycle.flow.ended
        return bool(ended and call.is_waiting and monotonic() - ended > TICK)

    def body(self, call: HttpCall) -> bytes | None:
        """Return the body if it has arrived with its headers, as most do: without ASGI messages."""
        cycle = call.receive.__self__  # type: ignore[attr-defined]
        if cycle.more_body or cycle.waiting_for_100_continue:
            return None
        body = bytes(cycle.body)
        cycle.body = bytearray()
        return body

    def respond(self, call: HttpCall, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> bool:
        """Write head and body at once, which takes half the system calls of two ASGI messages.

        All headers come from our code or have been checked by it. Return False for unusual answers: ASGI sends them.
        """
        cycle = call.receive.__self__  # type: ignore[attr-defined]
        if (
            cycle.response_started or cycle.disconnected or not cycle.keep_alive or cycle.flow.write_paused
            or cycle.waiting_for_100_continue or call.scope["method"] == "HEAD"
        ):  # fmt: skip
            return False
        if cycle.default_headers is not self._defaults:  # uvicorn creates a new list when the date changes
            self._defaults = cycle.default_headers
            self._head = b"".join(b"%s: %s\r\n" % pair for pair in self._defaults)
        parts = [STATUS_LINE[status], self._head]
        for name, value in headers:
            if name in _SPECIAL:  # it affects other headers
                return False
            parts += (name, b": ", value, b"\r\n")
        parts += (b"\r\n", body)
        cycle.transport.write(b"".join(parts))
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        cycle.on_response()
        return True


def missing_parts() -> list[str]:
    """Return which of the attributes above this uvicorn lacks."""
    try:
        parts = _make_samples()
    except (TypeError, AttributeError) as error:  # a parameter or an attribute has another name
        return [str(error)]
    return [f"{type(part).__name__}.{name}" for part, names in parts for name in names if not hasattr(part, name)]


def _make_samples() -> list[tuple[Any, tuple[str, ...]]]:
    """Return objects like those of a connection, each with the attributes that it must have."""

    async def application(scope: Any, receive: Any, send: Any) -> None: ...

    config = uvicorn.Config(
        application, lifespan="off", log_config=None, ws="none", proxy_headers=False, interface="asgi3"
    )
    config.load()
    state, nothing = ServerState(), cast("Any", object())
    flow = FlowControl(nothing)
    connection = HttpToolsProtocol(config=config, server_state=state, app_state={}, _loop=nothing)
    cycle = RequestResponseCycle(
        scope=nothing, transport=nothing, flow=flow, logger=nothing, access_logger=nothing, access_log=False,
        default_headers=[], message_event=nothing, expect_100_continue=False, keep_alive=True, on_response=config.load,
    )  # fmt: skip
    return [(connection, PROTOCOL), (cycle, CYCLE), (flow, FLOW), (state, STATE)]
