"""The response to a call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from typing import Any

import msgspec

Headers = list[tuple[bytes, bytes]]


class HttpResponse(msgspec.Struct, eq=False):
    """A response: `body`, or `stream` whose items are sent one by one, or `app`, an ASGI callable that answers.

    `stream` is an async iterator, or a generator that has to run in a thread; with `events` its items become
    server-sent events.
    """

    status: int
    headers: Headers
    body: bytes = b""
    stream: AsyncIterator[Any] | Generator[Any, None, None] | None = None
    app: Callable[..., Awaitable[None]] | None = None
    events: bool = False
