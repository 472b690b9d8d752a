"""The phases of a worker's start, and the `Server-Timing` header of its first answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..call import Receive, Scope, Send


def format_server_timing(phases: Mapping[str, float]) -> bytes:
    """Return the value of a `Server-Timing` header for phases in seconds: `start;dur=81.2, import;dur=640`."""
    return ", ".join(f"{name};dur={round(seconds * 1000, 1):g}" for name, seconds in phases.items()).encode()


class FirstAnswerTiming:
    """An ASGI callable that adds a `Server-Timing` header to the first answer of a call.

    It stands before the application of a uvicorn server until then, so that no later call passes through it. Requests
    for `reserved` paths are no calls.
    """

    def __init__(self, server: Any, phases: Mapping[str, float], reserved: tuple[bytes, ...]) -> None:
        self._server = server
        self._application = server.config.loaded_app
        self._header = (b"server-timing", format_server_timing(phases))
        self._reserved = reserved
        self._replace(self._application, self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        is_call = scope["type"] == "http" and not scope["raw_path"].startswith(self._reserved)
        if is_call and self._server.config.loaded_app is self:
            self._replace(self, self._application)
            cycle: Any = getattr(send, "__self__", None)
            if isinstance(getattr(cycle, "default_headers", None), list):
                cycle.default_headers = [*cycle.default_headers, self._header]
        await self._application(scope, receive, send)

    def _replace(self, before: Any, application: Any) -> None:
        """Replace the application of the server, and of the connections that are open."""
        self._server.config.loaded_app = application
        for connection in self._server.connections:
            if getattr(connection, "app", None) is before:
                connection.app = application
