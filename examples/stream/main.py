"""Count to n, one number at a time: a generator is a stream, with `Accept: text/event-stream` one of events."""

import asyncio
from collections.abc import AsyncIterator


async def handler(n: int = 3, pause: float = 0.1) -> AsyncIterator[dict[str, int]]:
    """Yield {"count": 1}, {"count": 2}, ... with a pause between them."""
    for count in range(1, n + 1):
        yield {"count": count}
        await asyncio.sleep(pause)
