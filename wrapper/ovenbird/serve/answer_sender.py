"""Send the answers of calls: replies, streams, problems, and nothing to a client that has left."""

from __future__ import annotations

import asyncio
from typing import Any

from .call import HttpCall, Receive, ServerTransport, StopReason
from .concurrency.limiter import ConcurrencyLimiter
from .lifecycle.state import WorkerLifecycle
from .observability.failures import FailureReporter
from .problem_details import HttpProblem, problem_response, retry_after
from .request import body_reader
from .response import streams
from .response.model import HttpResponse

_CLOSE = (b"connection", b"close")
_DETAILS = {
    StopReason.TIMEOUT: "the call ran over its time limit",
    StopReason.GRACE: "the server is shutting down",
}


class AnswerSender:
    """Sends the answers of one worker. Whatever has been sent of an answer is in `call.status`."""

    def __init__(
        self,
        transport: ServerTransport,
        lifecycle: WorkerLifecycle,
        limiter: ConcurrencyLimiter,
        failures: FailureReporter,
    ) -> None:
        self.transport = transport
        self.lifecycle = lifecycle
        self.limiter = limiter
        self.failures = failures
        self._loop: Any = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start on the event loop that serves."""
        self._loop = loop

    def try_send(self, call: HttpCall, reply: HttpResponse) -> bool:
        """Send a complete reply in one write, and return True. Return False for streams and while the server closes."""
        if reply.stream is not None or reply.app is not None or self.lifecycle.is_closing:
            return False
        call.status = reply.status
        return self.transport.respond(call, reply.status, reply.headers, reply.body)

    async def send(self, call: HttpCall, reply: HttpResponse, receive: Receive | None = None) -> None:
        """Send a reply of any kind. `receive` is what an ASGI callable reads, by default the request as it comes."""
        if reply.stream is not None or reply.app is not None:
            await self.send_stream(call, reply, receive)
        else:
            call.status = reply.status
            headers = [*reply.headers, _CLOSE] if self.lifecycle.is_closing else reply.headers
            if not self.transport.respond(call, reply.status, headers, reply.body):
                await call.send({"type": "http.response.start", "status": reply.status, "headers": headers})
                await call.send({"type": "http.response.body", "body": reply.body})

    async def send_stream(self, call: HttpCall, reply: HttpResponse, receive: Receive | None) -> None:
        """Send a stream, or the answer of an ASGI callable, until it ends, its time is up or the client leaves.

        The call is registered again if its slot has been released: a thread that returned a file or an asynchronous
        generator has ended.
        """
        limiter = self.limiter
        outside = call not in limiter.calls
        if outside:
            call.task, call.job = asyncio.current_task(), None
            limiter.enter(call)
        try:
            if reply.app is not None:
                await streams.run_asgi_response(call, reply, receive or call.receive, closing=self.lifecycle.is_closing)
            elif call.events is not None:
                await streams.drain_generator(reply, self._loop)
            else:
                await streams.stream(
                    call, reply, self._loop,
                    is_disconnected=self.transport.is_disconnected, closing=self.lifecycle.is_closing,
                )  # fmt: skip
        finally:
            if outside:
                call.task = None
                limiter.finish(call)

    async def send_problem(self, call: HttpCall, error: HttpProblem) -> None:
        """Send a problem document.

        Before the end, read the rest of the body for a moment, so that the client can read it.
        """
        if call.status:
            return
        reply = error.reply()
        if _CLOSE not in error.headers:  # the body has arrived completely
            await self.send(call, reply)
            return
        call.status = reply.status
        await call.send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
        await call.send({"type": "http.response.body", "body": reply.body, "more_body": True})
        await body_reader.discard(call)
        await call.send({"type": "http.response.body", "body": b""})

    async def answer_stopped(self, call: HttpCall, reason: StopReason) -> None:
        """Answer a call that was stopped: 504 or 503, and nothing if the client left."""
        if reason is StopReason.GONE:
            call.status = reason.value
            return
        if call.status:
            where = "after its answer" if call.is_answered else "half way through its answer"
            self.failures.note(call, f"{self.failures.name}: stopped {where}: {_DETAILS[reason]}")
            return
        is_ending = reason is StopReason.GRACE  # a client that calls again has to know that the handler may have begun
        headers, extra = (retry_after(1), {"may_have_run": True}) if is_ending else ((), {})
        await self.send(call, problem_response(reason.value, _DETAILS[reason], headers=headers, **extra))

    async def answer_failed(self, call: HttpCall, error: BaseException) -> None:
        """Log the error of the handler. Answer 500, or cut off an answer that has begun."""
        self.failures.record(call, error)
        if not call.status:
            await self.send(call, self.failures.reply(call, error))
