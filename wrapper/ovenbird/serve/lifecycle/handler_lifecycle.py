"""The life cycle of a handler: construct and init before the first call, close after the last."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import threading
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from ...errors import InitError
from ...function.context import Context
from ...function.handler import Handler, HandlerKind
from ...function.tracebacks import summarize_error, user_traceback
from ...settings import Settings

_log = logging.getLogger("ovenbird")
_MAX_PARTS = 10_000  # routes and applications to inspect: an object may create a new one at each access


def init_timeout_error(name: str, limit: float) -> InitError:
    """Return the error for an init that has not finished within `limit` seconds."""
    hint = "`--init-timeout`, or the variable `OVENBIRD_INIT_TIMEOUT`"
    return InitError(f"init of {name} did not finish within {limit:g} seconds", hint=hint)


def warn_of_websockets(handler: Handler) -> None:
    """Log a warning if an application has a route for WebSockets, and no library for them is installed."""
    if find_spec("websockets") is None and find_spec("wsproto") is None and _has_websockets(handler.loaded.function):
        _log.warning(
            "%s has a route for WebSockets, and no library for them is installed: they are answered 404; "
            "hint: `pip install websockets`",
            handler.name,
        )


def _has_websockets(application: Any) -> bool:
    """Return whether an application like Starlette's, or one that it mounts, has a route for WebSockets."""
    todo: list[Any] = [application]
    visited: dict[int, Any] = {}  # keeps the objects alive, so that an id is not reused
    while todo and len(visited) < _MAX_PARTS:
        part = todo.pop()
        if id(part) in visited:
            continue
        visited[id(part)] = part
        if "WebSocket" in type(part).__name__:
            return True
        with contextlib.suppress(Exception):  # attributes of these names may be anything in the user's own classes
            routes = getattr(part, "routes", None)
            todo += routes if isinstance(routes, (list, tuple)) else ()
            inner = (getattr(part, name, None) for name in ("app", "original_router"))  # the latter is FastAPI's
            todo += filter(None, inner)
    return False


class HandlerLifecycle:
    """Runs the user's constructor and init, and later close, each once.

    Sync ones run in a thread. Async ones run on the loop: what they open (connections, sessions) belongs to the loop
    that serves, and would be of no use anywhere else. With `is_shared`, constructor and init have run in the template.
    """

    def __init__(self, handler: Handler, settings: Settings, context: Context, *, is_shared: bool = False) -> None:
        self.handler = handler
        self.settings = settings
        self.context = context
        self._is_shared = is_shared
        self._lifespan: Any = None

    @property
    def on_loop(self) -> bool:
        """Return whether init runs on the event loop, which it may block."""
        return self.handler.shape is HandlerKind.ASGI or self.has_async_init

    @property
    def has_async_init(self) -> bool:
        """Return whether init is a coroutine function."""
        loaded = self.handler.loaded
        return inspect.iscoroutinefunction(getattr(loaded.function, "init", None) if loaded.is_class else loaded.init)

    def run_shared(self) -> None:
        """Construct and init in the template, on behalf of all workers. Errors: InitError."""
        handler, parameters = self.handler, self.settings.init
        try:
            handler.construct(self.context, parameters)
            init = handler.bind_init(self.context, parameters)
            result = init() if init is not None else None
            if inspect.isawaitable(result):
                raise InitError(
                    f"init of {handler.name} returned {type(result).__name__}, which needs an event loop",
                    hint="with `--preload init` it has to be `async def` itself, or return nothing to await",
                )
        except InitError:
            raise
        except BaseException as error:
            raise _failed_error(handler.name, error) from None

    async def begin(self) -> Any:
        """Construct and init. Return the ASGI application with its lifespan, if it is one. Errors: InitError."""
        handler, parameters = self.handler, self.settings.init
        try:
            if not self._is_shared:
                await run_in_thread(lambda: handler.construct(self.context, parameters))
                init = handler.bind_init(self.context, parameters)
                if init is not None:
                    await _run_and_await(init)
            if self.settings.preload == "init" and (after_fork := handler.bind_after_fork(self.context)) is not None:
                await _run_and_await(after_fork)
            if handler.shape is HandlerKind.ASGI:
                warn_of_websockets(handler)
            return await self._start_lifespan()
        except (InitError, asyncio.CancelledError):
            raise
        except BaseException as error:
            raise _failed_error(handler.name, error) from None

    async def end(self) -> None:
        """Close. A failure is only logged."""
        limit = self.settings.grace or None
        try:
            if self._lifespan is not None:
                await asyncio.wait_for(self._lifespan.shutdown(), limit)
            close = self.handler.close(self.context)
            if close is not None:
                await asyncio.wait_for(_run_and_await(close), limit)
        except asyncio.TimeoutError:
            _log.error("close did not finish within %g seconds", self.settings.grace)
        except BaseException as error:
            _log.error("close raised %s", summarize_error(error), extra={"traceback": user_traceback(error)})

    async def _start_lifespan(self) -> Any:
        if self.handler.shape is HandlerKind.ASGI:
            from .lifespan import Lifespan

            self._lifespan = Lifespan(self.handler.call)
            await self._lifespan.startup()
            return self._lifespan.application
        return None


def _failed_error(name: str, error: BaseException) -> InitError:
    return InitError(f"init of {name} raised {summarize_error(error)}", cause=user_traceback(error))


async def _run_and_await(work: Callable[[], Any]) -> None:
    """Run a function in a thread; if it returns an awaitable, await that on the loop."""
    result = await run_in_thread(work)
    if inspect.isawaitable(result):
        await result


async def run_in_thread(work: Callable[[], Any]) -> Any:
    """Run `work` in a new daemon thread, and return its result. A thread of an executor could block the exit."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def resolve(result: Any, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    def run() -> None:
        result: Any = None
        failed: BaseException | None = None
        try:
            result = work()
        except BaseException as error:
            failed = RuntimeError("StopIteration") if isinstance(error, StopIteration) else error
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(resolve, result, failed)

    threading.Thread(target=run, name="ovenbird-init", daemon=True).start()
    return await future
