"""How a callable is called."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import fastapi
import flask
import pytest
import starlette.applications
from tests.loading import FUNCTIONS, Project

from ovenbird.function.handler_kind import HandlerKind, shape_of


@pytest.mark.parametrize(
    ("attribute", "shape"),
    [
        ("plain", HandlerKind.SYNC),
        ("coroutine", HandlerKind.ASYNC),
        ("generator", HandlerKind.GENERATOR),
        ("agenerator", HandlerKind.ASYNC_GENERATOR),
        ("decorated", HandlerKind.SYNC),
        ("decorated_by_class", HandlerKind.SYNC),
        ("partial", HandlerKind.SYNC),
        ("cached", HandlerKind.SYNC),
        ("model", HandlerKind.SYNC),
        ("model.later", HandlerKind.ASYNC),
    ],
)
def test_each_shape_is_recognised(project: Project, attribute: str, shape: HandlerKind) -> None:
    """Functions, generators, partials, decorated functions, objects and bound methods have their shapes."""
    assert shape_of(project.load(f"{FUNCTIONS}/shapes/main.py:{attribute}").function) is shape


async def asgi(scope: Any, receive: Any, send: Any) -> None: ...


def wsgi(environ: Any, start_response: Any) -> Any:
    yield b""


class Wsgi:
    def __call__(self, environ: Any, start_response: Any) -> Any:
        return [b""]


@pytest.mark.parametrize(
    ("application", "shape"),
    [
        (starlette.applications.Starlette(), HandlerKind.ASGI),
        (fastapi.FastAPI(), HandlerKind.ASGI),
        (asgi, HandlerKind.ASGI),
        (flask.Flask("app"), HandlerKind.WSGI),
        (wsgi, HandlerKind.WSGI),
        (Wsgi(), HandlerKind.WSGI),
    ],
)
def test_applications_speak_http_themselves(application: Callable[..., Any], shape: HandlerKind) -> None:
    """Starlette, FastAPI and Flask objects, and bare callables of either protocol."""
    assert shape_of(application) is shape
    assert shape.application


def test_a_partial_of_a_coroutine_function_is_async() -> None:
    """functools.partial hides nothing."""

    async def work(a: int, b: int) -> None: ...

    assert shape_of(functools.partial(functools.partial(work, 1), b=2)) is HandlerKind.ASYNC


def test_a_callable_that_does_not_tell_its_parameters_is_sync() -> None:
    """Some builtins have no signature; finding the shape does not fail."""
    assert shape_of(dict.update if sys.version_info < (3, 12) else dict) is HandlerKind.SYNC


def test_shapes_know_where_they_run() -> None:
    """Coroutines run on the loop, what may block does not."""
    kinds = (HandlerKind.SYNC, HandlerKind.GENERATOR, HandlerKind.ASYNC, HandlerKind.ASYNC_GENERATOR)
    assert [shape.on_loop for shape in kinds] == [
        False, False, True, True,
    ]  # fmt: skip
