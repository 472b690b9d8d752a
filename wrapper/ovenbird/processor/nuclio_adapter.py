"""Call a function as the platform's processor does: by position, with its event and its context."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from ..errors import SignatureError
from ..function.context import Context
from ..function.handler import Handler
from ..function.handler_kind import unwrap_callable
from ..function.loader import load
from ..function.target import Target
from ..function.type_hints import signature_of
from ..serve.call import HttpCall
from ..serve.handler_adapter import HandlerAdapter
from .config import ProcessorConfig
from .context import NuclioPlatform, ProcessorContext
from .event import make_call_event
from .sdk_stub import install_sdk_stub

INIT = "init_context"


class NuclioAdapter(HandlerAdapter):
    """Calls `handler(context, event)` and `init_context(context)` by position, whatever the parameters are called.

    A module's own `init` and `close` are not called, as a processor does not call them either.
    """

    aliases = {"/__internal/health": "/_/ready"}  # noqa: RUF012  # a constant

    def __init__(self, config: ProcessorConfig, environ: Mapping[str, str]) -> None:
        self.config = config
        self.name = config.name or environ.get("NUCLIO_FUNCTION_NAME") or config.attribute
        self.platform = NuclioPlatform(environ)

    def handler(self, target: Target) -> Handler:
        """Return the handler of a target. Errors: LoadError."""
        install_sdk_stub()
        loaded = load(target)
        init = getattr(loaded.module, INIT, None)
        handler = Handler(
            replace(
                loaded,
                function=bind_by_position(loaded.function, str(target), "context", "event"),
                init=bind_by_position(init, f"{target.module}:{INIT}", "context") if callable(init) else None,
                close=self.platform.terminate,
            )
        )
        handler.name = self.name
        return handler

    def make_context(self, handler: Handler, worker_id: int, open_project: Callable[[], Any]) -> Context:
        """Return the context of one worker process."""
        return ProcessorContext(
            handler.name,
            root=str(handler.loaded.target.root),
            worker_id=worker_id,
            open_project=open_project,
            platform=self.platform,
            kind=self.config.kind,
            trigger_name=self.config.trigger,
        )

    def make_event(self, call: HttpCall, body: bytes) -> Any:
        """Return a call as an event."""
        return make_call_event(call, body, self.config.trigger)


def bind_by_position(function: Callable[..., Any], name: str, *names: str) -> Callable[..., Any]:
    """Return a callable with `names` as keywords that calls `function` by position. Errors: SignatureError."""
    try:
        signature_of(function).bind(*names)
    except TypeError:
        expected = ", ".join(names)
        raise SignatureError(
            f"{name} cannot be called with ({expected}): its parameters are {signature_of(function)}",
            hint=f"the processor calls def {name.rpartition(':')[2]}({expected})",
        ) from None
    except ValueError:  # it has no readable signature: the call itself shows whether it fits
        pass
    code = unwrap_callable(function)
    if inspect.isasyncgenfunction(code) and len(names) == 2:
        return _adapt_streaming_handler(function)
    return _ADAPTERS[len(names), inspect.iscoroutinefunction(code)](function)


def _adapt_handler(function: Callable[..., Any]) -> Callable[..., Any]:
    def handler(context: Any, event: Any) -> Any:
        return function(context, event)

    return handler


def _adapt_async_handler(function: Callable[..., Any]) -> Callable[..., Any]:
    async def handler(context: Any, event: Any) -> Any:
        return await function(context, event)

    return handler


def _adapt_streaming_handler(function: Callable[..., Any]) -> Callable[..., Any]:
    async def handler(context: Any, event: Any) -> AsyncIterator[Any]:
        async with aclosing(
            function(context, event)
        ) as items:  # closes the user's generator when the client disconnects
            async for item in items:
                yield item

    return handler


def _adapt_init(function: Callable[..., Any]) -> Callable[..., Any]:
    def init_context(context: Any) -> Any:
        return function(context)

    return init_context


def _adapt_async_init(function: Callable[..., Any]) -> Callable[..., Any]:
    async def init_context(context: Any) -> Any:
        return await function(context)

    return init_context


_ADAPTERS = {
    (2, False): _adapt_handler,
    (2, True): _adapt_async_handler,
    (1, False): _adapt_init,
    (1, True): _adapt_async_init,
}
