"""A call whose handler runs in a thread."""

from __future__ import annotations

import asyncio
import inspect
from contextvars import copy_context
from types import GeneratorType
from typing import Any

import msgspec

from ...function.handler import Handler
from ..call import CallCancelled, HttpCall, ServerTransport, StopReason
from ..observability.failures import FailureReporter
from ..request.binder import Keywords
from ..response import streams
from ..response.model import HttpResponse
from ..response.serialize import reply_to
from .limiter import ConcurrencyLimiter
from .threads import WorkItem


class ThreadRunner(msgspec.Struct, frozen=True, eq=False):
    """Services for all calls in threads; created once by the application."""

    handler: Handler
    limiter: ConcurrencyLimiter
    wire: ServerTransport
    faults: FailureReporter
    loop: Any


class ThreadedCall(WorkItem):
    """The work of a call in its thread: run the handler and encode the reply, so that the loop is not blocked."""

    __slots__ = ("arguments", "awaited", "call", "context", "early", "runner", "stream")

    def __init__(self, runner: ThreadRunner, call: HttpCall, arguments: Keywords) -> None:
        super().__init__()
        self.runner = runner
        self.call = call
        self.arguments = arguments
        self.context = copy_context()  # of the call: values that the handler sets do not stay in the thread
        self.early: HttpResponse | None = None  # a reply that was handed to the loop before the work was done
        self.stream: streams.GeneratorThread | None = None
        self.awaited: Any = None  # the outcome of a coroutine that runs on the loop

    def is_disconnected(self) -> bool:
        return self.call.reason is not None or self.runner.wire.is_disconnected(self.call)

    def work(self) -> HttpResponse | None:
        return self.context.run(self.call_handler)

    def call_handler(self) -> HttpResponse | None:
        """Call the handler in the context of the call. Return None if the reply was handed to the loop already."""
        call = self.call
        result = self.runner.handler.call(**self.arguments)
        if inspect.iscoroutine(result):  # a plain function that returned a coroutine
            self.awaited = asyncio.run_coroutine_threadsafe(result, self.runner.loop)
            result = self.awaited.result()
        accept = call.header(b"accept") if b"accept" in call.headers else ""
        reply = reply_to(result, accept)
        if not isinstance(reply.stream, GeneratorType):
            return reply
        self.stream = streams.GeneratorThread(self.runner.loop)
        items, reply.stream = reply.stream, self.stream
        self.hand_over(reply)
        self.stream.pump(items)
        return None

    def hand_over(self, reply: HttpResponse) -> None:
        """Hand the reply to the loop while the work goes on. Called in the thread."""
        self.early = reply
        self.runner.loop.call_soon_threadsafe(self._resolve, reply, None)

    def finish(self, outcome: Any, error: BaseException | None) -> None:
        call = self.call
        self.runner.limiter.finish(call)
        if self.stream is not None:  # only now, so that the client cannot come again before the slot is free
            self.stream.finish(error)
        if self.early is not None:  # the loop may not have handled the early reply yet
            self._resolve(self.early, None)
        else:
            self._resolve(outcome, error)
        call.job = None  # it refers to the call and its arguments

    def cancel(self) -> None:
        """Cancel the stream or coroutine of the call: its reply is no longer needed."""
        if self.stream is not None:
            self.stream.cancel()
        awaited = self.awaited  # the thread may reset the attribute
        if awaited is not None:
            awaited.cancel()

    def _resolve(self, outcome: Any, error: BaseException | None) -> None:
        future = self.call.future
        if future is None or future.done():
            return
        if error is None:
            future.set_result(outcome)
        else:
            if isinstance(error, CallCancelled) and self.call.reason is None:
                self.call.reason = StopReason.GONE
            # these have another meaning for the code that awaits the future
            if isinstance(error, (StopIteration, GeneratorExit)):
                error, cause = RuntimeError(f"the handler raised {type(error).__name__}"), error
                error.__cause__ = cause
            future.set_exception(error)
