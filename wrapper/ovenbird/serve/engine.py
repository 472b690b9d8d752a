"""What serves HTTP: our protocol, which knows uvicorn from within, or uvicorn's own where uvicorn has changed."""

from __future__ import annotations

import logging
from typing import Any, cast

import uvicorn

from .call import Wire

_log = logging.getLogger("ovenbird")
_absent = ""  # what could not be imported
try:
    from . import protocol, wire
except (ImportError, AttributeError, TypeError) as error:
    _absent = str(error)

# what ours reads, sets or calls of uvicorn's classes
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


def choose() -> tuple[Any, Wire]:
    """Return the protocol to serve by, and what it knows of a call.

    Where uvicorn lacks what ours needs, one line is logged and None is returned: uvicorn's own serves, by plain ASGI.
    """
    missing = missing_parts()
    if not missing:
        return protocol.Protocol, wire.Connection()
    _log.warning(
        "uvicorn %s lacks %s: calls are served by plain ASGI, without the limits of Ovenbird on headers",
        uvicorn.__version__,
        ", ".join(missing),
    )
    return None, Wire()


def missing_parts() -> list[str]:
    """Return what this uvicorn lacks and ours needs."""
    if _absent:
        return [_absent]
    try:
        parts = _samples()
    except (ImportError, TypeError, AttributeError) as error:  # a parameter or an attribute has another name
        return [str(error)]
    return [f"{type(part).__name__}.{name}" for part, names in parts for name in names if not hasattr(part, name)]


def _samples() -> list[tuple[Any, tuple[str, ...]]]:
    """Objects as they are made for a connection, each with the names that are needed of it."""
    from uvicorn.protocols.http.flow_control import FlowControl
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
    from uvicorn.server import ServerState

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
