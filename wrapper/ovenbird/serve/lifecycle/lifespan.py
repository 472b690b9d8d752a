"""The ASGI lifespan of a user's application: startup at init, shutdown at close."""

from __future__ import annotations

import asyncio
from typing import Any

from ...errors import InitError
from ..call import Message, Receive, Scope, Send


class Lifespan:
    """Runs the lifespan of an application, and passes its state to each request. A lifespan is optional."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.state: dict[str, Any] = {}
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._outbox: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def startup(self) -> None:
        """Run the startup. Errors: InitError if the application reports a failure."""
        self._task = asyncio.get_running_loop().create_task(self._run())
        await self._ask("lifespan.startup")

    async def shutdown(self) -> None:
        """Run the shutdown."""
        if self._task is not None and not self._task.done():
            await self._ask("lifespan.shutdown")

    async def application(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application with the state of the lifespan in the scope."""
        if self.state:
            scope["state"] = {**scope.get("state", {}), **self.state}
        await self.app(scope, receive, send)

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        await self.app(scope, self._inbox.get, self._outbox.put)

    async def _ask(self, kind: str) -> str:
        """Send a message, and return the type of the answer; `""` if the application has no lifespan."""
        assert self._task is not None
        await self._inbox.put({"type": kind})
        answer = asyncio.ensure_future(self._outbox.get())
        await asyncio.wait((answer, self._task), return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            message = answer.result()
            if message["type"].endswith(".failed"):
                raise InitError(f"{kind} failed: {message.get('message') or 'no reason given'}")
            return str(message["type"])
        answer.cancel()
        self._task.exception()  # an application without lifespan may raise for the unknown scope
        return ""
