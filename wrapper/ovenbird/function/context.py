"""The context of a handler: its logger, its name, and the call that runs now."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import ContextVar
from functools import cached_property
from types import SimpleNamespace
from typing import Any, Protocol

from .response import Response


class RequestContext(Protocol):
    """The call that runs now."""

    @property
    def request_id(self) -> str:
        """The id of the request: the client's `X-Request-Id`, else a new one."""

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits."""

    @property
    def span_id(self) -> str:
        """16 hexadecimal digits: the span of this call."""

    @property
    def traceparent(self) -> str:
        """The header to send to the next service, so that it continues the trace."""

    @property
    def tracestate(self) -> str:
        """The header to send with `traceparent`; empty when the caller sent none."""


current_call: ContextVar[RequestContext | None] = ContextVar("ovenbird_call", default=None)


class Logger:
    """The logger of a function: `info("text")`, `info_with("text", key=value)`; one record on stderr for each."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, message: Any, *args: Any) -> None:
        """Log at level debug; `args` are put into `message` by `%`."""
        self._logger.debug(message, *args)

    def info(self, message: Any, *args: Any) -> None:
        """Log at level info."""
        self._logger.info(message, *args)

    def warn(self, message: Any, *args: Any) -> None:
        """Log at level warning."""
        self._logger.warning(message, *args)

    warning = warn

    def error(self, message: Any, *args: Any) -> None:
        """Log at level error."""
        self._logger.error(message, *args)

    def exception(self, message: Any, *args: Any) -> None:
        """Log at level error, with the traceback of the exception that is being handled."""
        self._logger.exception(message, *args)

    def debug_with(self, message: Any, *args: Any, **fields: Any) -> None:
        """Log at level debug, with fields."""
        self._logger.debug(message, *args, extra={"fields": fields})

    def info_with(self, message: Any, *args: Any, **fields: Any) -> None:
        """Log at level info, with fields."""
        self._logger.info(message, *args, extra={"fields": fields})

    def warn_with(self, message: Any, *args: Any, **fields: Any) -> None:
        """Log at level warning, with fields."""
        self._logger.warning(message, *args, extra={"fields": fields})

    warning_with = warn_with

    def error_with(self, message: Any, *args: Any, **fields: Any) -> None:
        """Log at level error, with fields."""
        self._logger.error(message, *args, extra={"fields": fields})


class Context:
    """The context of a function, one for each worker process.

    `init` and each call receive it; `init` may set any further attribute on it.

    `root` is the folder of the source; `trigger.kind` is `http` or `job`; `worker_id` counts from 0.
    `project` is opened by `open_project` when it is first used, as most services need none.
    """

    Response = Response

    def __init__(
        self,
        name: str,
        *,
        root: str = "",
        worker_id: int = 0,
        trigger: str = "http",
        project: Any = None,
        run: Any = None,
        open_project: Callable[[], Any] | None = None,
    ) -> None:
        self.name = name
        self.logger = Logger(name)
        self.root = root
        self.worker_id = worker_id
        self.trigger = SimpleNamespace(kind=trigger, name=trigger)
        self._open_project = open_project or (lambda: project)
        self.run = run
        self.user_data = SimpleNamespace()

    @cached_property
    def project(self) -> Any:
        """The project, which reads and stores entities; None when no project is configured."""
        return self._open_project()

    @property
    def request_id(self) -> str:
        """The id of the call that runs now; empty outside a call."""
        call = current_call.get()
        return call.request_id if call else ""

    @property
    def trace_id(self) -> str:
        """The id of the trace of the call that runs now; empty outside a call."""
        call = current_call.get()
        return call.trace_id if call else ""

    @property
    def span_id(self) -> str:
        """The span of the call that runs now; empty outside a call."""
        call = current_call.get()
        return call.span_id if call else ""

    @property
    def traceparent(self) -> str:
        """The W3C `traceparent` to send to the next service; empty outside a call."""
        call = current_call.get()
        return call.traceparent if call else ""

    @property
    def tracestate(self) -> str:
        """The W3C `tracestate` to send with `traceparent`; empty when the caller sent none, and outside a call."""
        call = current_call.get()
        return call.tracestate if call else ""
