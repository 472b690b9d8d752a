"""The same as `call`, on an event loop: for a function of which any part is async."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

from ..common.fork_guard import parent_only
from ..function.context import Context
from ..function.handler import Handler
from .call import Arguments, Items, init, init_failed
from .interrupt import Interrupted


def on_loop(handler: Handler, context: Context, parameters: Arguments, values: Arguments, items: Items) -> Any:
    """Construct, init, call and close on one loop. Errors: InitError, and what the handler raises."""
    return asyncio.run(_all(handler, context, parameters, values, items))


async def _all(handler: Handler, context: Context, parameters: Arguments, values: Arguments, items: Items) -> Any:
    init(lambda: handler.construct(context, parameters), handler)
    if work := handler.init(context, parameters):
        found = init(work, handler)
        if inspect.isawaitable(found):
            await _awaited(found, handler)
    try:
        with parent_only():
            result = handler.call(**values)
            if inspect.isasyncgen(result):
                return items([item async for item in result])
            if inspect.isgenerator(result):
                return items(result)
            return await result if inspect.isawaitable(result) else result
    finally:
        if close := handler.close(context):
            found = close()
            if inspect.isawaitable(found):
                await found


async def _awaited(found: Any, handler: Handler) -> None:
    try:
        with parent_only():
            await found
    except (Interrupted, asyncio.CancelledError):
        raise
    except BaseException as error:
        raise init_failed(error, handler) from None
