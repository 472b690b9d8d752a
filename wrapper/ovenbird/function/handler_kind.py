"""Decide once, at load, how a callable is called."""

from __future__ import annotations

import enum
import functools
import inspect
from collections.abc import Callable
from typing import Any

from .type_hints import signature_of


class HandlerKind(enum.Enum):
    """How the handler is called, and where: `ASYNC` and `ASYNC_GENERATOR` on the loop, the other ones in a thread."""

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
        """Whether the object speaks HTTP itself, so that no argument is bound."""
        return self in (HandlerKind.ASGI, HandlerKind.WSGI)


def shape_of(function: Callable[..., Any]) -> HandlerKind:
    """The shape of a callable that is not a class."""
    code = underlying(function)
    names = _names(function)
    if inspect.iscoroutinefunction(code):
        return HandlerKind.ASGI if names == ["scope", "receive", "send"] else HandlerKind.ASYNC
    if inspect.isasyncgenfunction(code):
        return HandlerKind.ASYNC_GENERATOR
    if inspect.isgeneratorfunction(code) and names != ["environ", "start_response"]:
        return HandlerKind.GENERATOR
    if names == ["environ", "start_response"] or callable(getattr(function, "wsgi_app", None)):
        return HandlerKind.WSGI
    return HandlerKind.SYNC


def underlying(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function that a call reaches first: through `partial`, and through `__call__` of an object."""
    while isinstance(function, functools.partial):
        function = function.func
    if not (inspect.isroutine(function) or inspect.isclass(function)):
        return type(function).__call__
    return function


def _names(function: Callable[..., Any]) -> list[str]:
    """Names of the parameters; none when the callable does not tell."""
    try:
        return list(signature_of(function).parameters)
    except (TypeError, ValueError):
        return []
