"""Server-sent events: what changes while a page is looked at."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

Event = tuple[str, Any]
"""The name of an event and its data, a JSON value."""

_PAUSE = 0.5  # seconds between two looks
_SHARE = 10  # a look that took long is followed by a pause of so many times its length
_SILENCE = 15.0  # seconds after which a comment keeps the connection open


def stream_events(look: Callable[[], Iterator[Event]]) -> StreamingResponse:
    """Return an answer that calls `look` on a thread again and again, and sends its events, until one is `end`."""
    return StreamingResponse(_format_events(look), media_type="text/event-stream")


async def _format_events(look: Callable[[], Iterator[Event]]) -> AsyncIterator[str]:
    last = time.monotonic()
    yield "retry: 2000\n\n"
    while True:
        begun = time.monotonic()
        events = await run_in_threadpool(lambda: list(look()))
        for name, data in events:
            yield f"event: {name}\ndata: {json.dumps(data)}\n\n"
            if name == "end":
                return
        now = time.monotonic()
        if events:
            last = now
        elif now - last > _SILENCE:
            yield ": still there\n\n"
            last = now
        await asyncio.sleep(max(_PAUSE, _SHARE * (now - begun)))
