"""Server-sent events: what changes while a page is looked at."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse


class Event(NamedTuple):
    """The name of an event, its data (a JSON value), and where a browser that connects again goes on."""

    name: str
    data: Any = None
    position: int | None = None


_PAUSE = 0.5  # seconds between two looks
_SHARE = 10  # a look that took long is followed by a pause of so many times its length
_SILENCE = 15.0  # seconds after which a comment keeps the connection open


def stream_events(look: Callable[[], Iterator[Event]]) -> StreamingResponse:
    """Return an answer that calls `look` on a thread again and again, and sends its events, until one is `end`."""
    return StreamingResponse(_format_events(look), media_type="text/event-stream")


def read_start(request: Request) -> int | None:
    """Return where a stream of events begins: where the connection before it ended, else as the page says."""
    text = request.headers.get("last-event-id") or request.query_params.get("start", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None


async def _format_events(look: Callable[[], Iterator[Event]]) -> AsyncIterator[str]:
    last = time.monotonic()
    yield "retry: 2000\n\n"
    while True:
        begun = time.monotonic()
        events = await run_in_threadpool(lambda: list(look()))
        for event in events:
            place = "" if event.position is None else f"id: {event.position}\n"
            yield f"event: {event.name}\n{place}data: {json.dumps(event.data)}\n\n"
            if event.name == "end":
                return
        now = time.monotonic()
        if events:
            last = now
        elif now - last > _SILENCE:
            yield ": still there\n\n"
            last = now
        await asyncio.sleep(max(_PAUSE, _SHARE * (now - begun)))
