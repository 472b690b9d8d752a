"""Decide once, at load, how a callable is called."""

from __future__ import annotations

import enum
import functools
import inspect
from collections.abc import Callable
from typing import Any

from .hints import signature_of


class Shape(enum.Enum):
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
        return self in (Shape.ASYNC, Shape.ASYNC_GENERATOR, Shape.ASGI)

    @property
    def application(self) -> bool:
        """Whether the object speaks HTTP itself, so that no argument is bound."""
        return self in (Shape.ASGI, Shape.WSGI)


def shape_of(found: Callable[..., Any]) -> Shape:
    """The shape of a callable that is not a class."""
    code = underlying(found)
    names = _names(found)
    if inspect.iscoroutinefunction(code):
        return Shape.ASGI if names == ["scope", "receive", "send"] else Shape.ASYNC
    if inspect.isasyncgenfunction(code):
        return Shape.ASYNC_GENERATOR
    if inspect.isgeneratorfunction(code) and names != ["environ", "start_response"]:
        return Shape.GENERATOR
    if names == ["environ", "start_response"] or callable(getattr(found, "wsgi_app", None)):
        return Shape.WSGI
    return Shape.SYNC


def underlying(found: Callable[..., Any]) -> Callable[..., Any]:
    """The function that a call reaches first: through `partial`, and through `__call__` of an object."""
    while isinstance(found, functools.partial):
        found = found.func
    if not (inspect.isroutine(found) or inspect.isclass(found)):
        return type(found).__call__
    return found


def _names(found: Callable[..., Any]) -> list[str]:
    """Names of the parameters; none when the callable does not tell."""
    try:
        return list(signature_of(found).parameters)
    except (TypeError, ValueError):
        return []
