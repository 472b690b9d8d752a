"""The adapter between HTTP calls and the user's function: load it, create its context and events."""

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
    """The adapter for functions of Ovenbird, whose arguments are bound by name. The processor has another one.

    `aliases` maps further paths, outside the reserved prefix, to routes of the runtime.
    """

    aliases: Mapping[str, str] = {}

    def handler(self, target: Target) -> Handler:
        """Load the handler of a target. Errors: LoadError."""
        handler = Handler(load(target))
        handler.warn_unresolved()
        return handler

    def make_context(self, handler: Handler, worker_id: int, open_project: Callable[[], Any]) -> Context:
        """Return the context of one worker process."""
        root = str(handler.loaded.target.root)
        return Context(handler.name, root=root, worker_id=worker_id, open_project=open_project)

    def make_event(self, call: HttpCall, body: bytes) -> Any:
        """Return a call as an event. Errors: MalformedPayloadError."""
        return event_of(call, body)


DEFAULT = HandlerAdapter()
