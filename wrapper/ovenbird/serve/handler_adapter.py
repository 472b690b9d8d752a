"""How a function is loaded, and what it is told of a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..function.context import Context
from ..function.handler import Handler
from ..function.loader import load
from ..function.target import Target
from .call import HttpCall
from .request.content_type import event_of


class HandlerAdapter:
    """Ovenbird's own: arguments are bound by name. The processor speaks another one.

    `aliases` are paths of the runtime's own outside the reserved prefix, each with the path that it stands for.
    """

    aliases: Mapping[str, str] = {}

    def handler(self, target: Target) -> Handler:
        """The handler of a target. Errors: LoadError."""
        return Handler(load(target))

    def context(self, handler: Handler, worker_id: int, open_project: Callable[[], Any]) -> Context:
        """The context of one worker process."""
        root = str(handler.loaded.target.root)
        return Context(handler.name, root=root, worker_id=worker_id, open_project=open_project)

    def event(self, call: HttpCall, body: bytes) -> Any:
        """A call as an event. Errors: MalformedPayloadError."""
        return event_of(call, body)


DEFAULT = HandlerAdapter()
