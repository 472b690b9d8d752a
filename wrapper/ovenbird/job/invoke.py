"""Call the user's code once: construct, init, handler, close. Turn what it raises into the failure of the run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from ..common.fork_guard import parent_only
from ..common.text import show_value
from ..errors import HandlerError, InitError
from ..function.context import Context
from ..function.handler import Handler
from ..function.tracebacks import summarize_error, user_traceback
from .interrupt import RunInterrupted
from .result import RunFailed

Arguments = dict[str, Any]
Items = Callable[[Iterable[Any]], Any]
"""`list` or `tuple`: a job stores the items of a generator as it does those of a tuple."""


def call(handler: Handler, context: Context, parameters: Arguments, values: Arguments, items: Items = list) -> Any:
    """Return the handler's result, with `items` for a generator. Errors: RunFailed, RunInterrupted, InitError.

    `parameters` are for init, `values` for the handler. An event loop is started only if the function needs one.
    """
    try:
        if _needs_loop(handler):
            return _run_on_loop(_call_on_loop(handler, context, parameters, values, items))
        return _call_directly(handler, context, parameters, values, items)
    except (RunInterrupted, InitError):
        raise
    except SystemExit as exit_request:
        if exit_request.code in (None, 0):
            return None  # as a script ends normally
        message = f"the handler called sys.exit({show_value(exit_request.code)})"
        raise _make_failure("SystemExit", message, exit_request) from None
    except BaseException as raised:
        raise _make_failure(type(raised).__name__, summarize_error(raised), raised) from None


def run_init(work: Callable[[], Any], handler: Handler) -> Any:
    """Run the constructor or init, and return its result. Errors: InitError for any exception."""
    try:
        with parent_only():
            return work()
    except (RunInterrupted, InitError):
        raise
    except BaseException as error:
        raise init_error(error, handler) from None


def init_error(error: BaseException, handler: Handler) -> InitError:
    """Return the InitError for an exception that init raised."""
    return InitError(f"init of {handler.name} raised {summarize_error(error)}", cause=user_traceback(error))


def _make_failure(kind: str, message: str, error: BaseException) -> RunFailed:
    details = {"type": kind, "message": message, "traceback": user_traceback(error)}
    return RunFailed("ERROR", HandlerError.exit_code, details)


def _needs_loop(handler: Handler) -> bool:
    loaded = handler.loaded
    around = [getattr(loaded.function, name, None) for name in ("init", "close")] if loaded.is_class else []
    return handler.shape.on_loop or any(map(inspect.iscoroutinefunction, around or (loaded.init, loaded.close)))


def _call_directly(handler: Handler, context: Context, parameters: Arguments, values: Arguments, items: Items) -> Any:
    """Construct, init, call and close in the main thread, without an event loop.

    A plain function may still return a coroutine, as a decorator around an `async def` does: that gets a loop.
    """
    run_init(lambda: handler.construct(context, parameters), handler)
    if work := handler.bind_init(context, parameters):
        outcome = run_init(work, handler)
        if inspect.iscoroutine(outcome):
            _run_on_loop(_await_init(outcome, handler))
    try:
        with parent_only():
            result = handler.call(**values)
            if inspect.iscoroutine(result) or inspect.isasyncgen(result):
                return _run_on_loop(_complete(result, items))
            return items(result) if inspect.isgenerator(result) else result
    finally:
        if close := handler.close(context):
            outcome = close()
            if inspect.iscoroutine(outcome):
                _run_on_loop(outcome)


def _run_on_loop(work: Coroutine[Any, Any, Any]) -> Any:
    from .loop_thread import run_coroutine  # brings asyncio, which an empty run has no use for

    return run_coroutine(work)


async def _call_on_loop(
    handler: Handler, context: Context, parameters: Arguments, values: Arguments, items: Items
) -> Any:  # fmt: skip
    """Construct, init, call and close on an event loop, for a function with any async part."""
    run_init(lambda: handler.construct(context, parameters), handler)
    if work := handler.bind_init(context, parameters):
        outcome = run_init(work, handler)
        if inspect.isawaitable(outcome):
            await _await_init(outcome, handler)
    try:
        with parent_only():
            return await _complete(handler.call(**values), items)
    finally:
        if close := handler.close(context):
            outcome = close()
            if inspect.isawaitable(outcome):
                await outcome


async def _complete(result: Any, items: Items) -> Any:
    """Return what a call's result comes to: awaited, and with `items` for a generator."""
    if inspect.isawaitable(result):
        result = await result
    if inspect.isasyncgen(result):
        return items([item async for item in result])
    return items(result) if inspect.isgenerator(result) else result


async def _await_init(work: Any, handler: Handler) -> None:
    import asyncio

    try:
        with parent_only():
            await work
    except (RunInterrupted, asyncio.CancelledError):
        raise
    except BaseException as error:
        raise init_error(error, handler) from None
