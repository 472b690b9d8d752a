"""Handlers are called by position."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ovenbird.errors import SignatureError
from ovenbird.processor.nuclio_adapter import bind_by_position


def test_names_of_parameters_do_not_matter() -> None:
    """This includes callables that are no functions, and functions with further parameters that have defaults."""

    class Callable:
        def __call__(self, ctx: Any, evt: Any) -> Any:
            return (ctx, evt)

    for function in (lambda c, e: (c, e), lambda c, e, more=1: (c, e), lambda *both: both, Callable()):
        assert bind_by_position(function, "m:f", "context", "event")(context=1, event=2) == (1, 2)
    assert bind_by_position(lambda c: c, "m:f", "context")(context=1) == 1


def test_an_async_function_stays_async() -> None:
    """An async function runs on the loop."""

    async def handler(ctx: Any, evt: Any) -> Any:
        return (ctx, evt)

    async def init(ctx: Any) -> Any:
        return ctx

    assert asyncio.run(bind_by_position(handler, "m:f", "context", "event")(context=1, event=2)) == (1, 2)
    assert asyncio.run(bind_by_position(init, "m:f", "context")(context=1)) == 1


@pytest.mark.parametrize("function", [lambda: 0, lambda c: 0, lambda c, e, more: 0, lambda c, *, event: 0])
def test_a_function_that_cannot_be_called_so(function: Any) -> None:
    """Told at load, with its parameters."""
    with pytest.raises(SignatureError, match=r"m:f cannot be called with \(context, event\)") as caught:
        bind_by_position(function, "m:f", "context", "event")
    assert caught.value.hint == "the processor calls def f(context, event)"
