"""A call whose handler runs in a thread."""

from __future__ import annotations

import asyncio
import inspect
from types import GeneratorType
from typing import TYPE_CHECKING, Any

from ..function.context import current_call
from . import streams
from .arguments import Keywords
from .call import Call, CallStopped, Reason
from .reply import Reply, reply_to
from .threads import Job

if TYPE_CHECKING:
    from .app import App


class CallJob(Job):
    """The thread's side of a call: runs the handler, and writes the reply where the loop is not held up by it."""

    __slots__ = ("app", "arguments", "awaited", "call", "stream")

    def __init__(self, app: App, call: Call, arguments: Keywords) -> None:
        super().__init__()
        self.app = app
        self.call = call
        self.arguments = arguments
        self.stream: streams.ThreadStream | None = None
        self.awaited: Any = None  # the outcome of a coroutine that runs on the loop

    def left(self) -> bool:
        return self.call.reason is not None or self.app.wire.left(self.call)

    def work(self) -> Reply | None:
        call = self.call
        current_call.set(call)
        result = self.app.handler.call(**self.arguments)
        if inspect.iscoroutine(result):  # a plain function that hands out a coroutine
            self.awaited = asyncio.run_coroutine_threadsafe(result, self.app._loop)
            result = self.awaited.result()
        accept = call.header(b"accept") if b"accept" in call.headers else ""
        reply = reply_to(result, accept)
        if not isinstance(reply.stream, GeneratorType):
            return reply
        self.stream = streams.ThreadStream(self.app._loop)
        items, reply.stream = reply.stream, self.stream
        self.app._loop.call_soon_threadsafe(self._resolve, reply, None)
        self.stream.pump(items)
        return None

    def done(self, outcome: Any, error: BaseException | None) -> None:
        self.app.admission.leave(self.call)
        if self.stream is not None:  # only now, so that the client cannot come again before the slot is free
            self.stream.end(error)
        self._resolve(outcome, error)

    def abandon(self) -> None:
        """Nobody takes the reply any more."""
        if self.stream is not None:
            self.stream.close()
        if self.awaited is not None:
            self.awaited.cancel()

    def _resolve(self, outcome: Any, error: BaseException | None) -> None:
        future = self.call.future
        if future.done():
            return
        if error is None:
            future.set_result(outcome)
        else:
            if isinstance(error, CallStopped) and self.call.reason is None:
                self.call.reason = Reason.GONE
            if isinstance(error, (StopIteration, GeneratorExit)):  # which mean something else to what awaits the future
                error, cause = RuntimeError(f"the handler raised {type(error).__name__}"), error
                error.__cause__ = cause
            future.set_exception(error)
