"""Decide once, at load, how a callable is called."""

from __future__ import annotations

import enum
import functools
import inspect
from collections.abc import Callable
from typing import Any

from .type_hints import signature_of


class HandlerKind(enum.Enum):
    """How the handler is called, and where: `ASYNC` and `ASYNC_GENERATOR` on the event loop, the others in a thread."""

    SYNC = "def"
    ASYNC = "async def"
    GENERATOR = "generator"
    ASYNC_GENERATOR = "async generator"
    ASGI = "ASGI application"
    WSGI = "WSGI application"

    @property
    def on_loop(self) -> bool:
        """Whether calls run on the event loop."""
        return self in (HandlerKind.ASYNC, HandlerKind.ASYNC_GENERATOR, HandlerKind.ASGI)

    @property
    def application(self) -> bool:
        """Whether the object handles HTTP itself, so that no arguments are bound."""
        return self in (HandlerKind.ASGI, HandlerKind.WSGI)


def shape_of(function: Callable[..., Any]) -> HandlerKind:
    """Return how a callable that is not a class is called."""
    code = unwrap_callable(function)
    names = _parameter_names(function)
    if inspect.iscoroutinefunction(code):
        return HandlerKind.ASGI if names == ["scope", "receive", "send"] else HandlerKind.ASYNC
    if inspect.isasyncgenfunction(code):
        return HandlerKind.ASYNC_GENERATOR
    if inspect.isgeneratorfunction(code) and names != ["environ", "start_response"]:
        return HandlerKind.GENERATOR
    if names == ["environ", "start_response"] or callable(getattr(function, "wsgi_app", None)):
        return HandlerKind.WSGI
    return HandlerKind.SYNC


def unwrap_callable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that a call reaches first: through `partial`, and through `__call__` of an object."""
    while isinstance(function, functools.partial):
        function = function.func
    if not (inspect.isroutine(function) or inspect.isclass(function)):
        return type(function).__call__
    return function


def _parameter_names(function: Callable[..., Any]) -> list[str]:
    """Return the names of the parameters; empty when the callable has no readable signature."""
    try:
        return list(signature_of(function).parameters)
    except (TypeError, ValueError):
        return []
