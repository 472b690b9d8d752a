"""Report failures of calls: one structured record in the log, an opaque id for the client."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from ...function.tracebacks import summarize_error, user_traceback
from ...trace_context import new_id
from ..call import HttpCall
from ..problem_details import problem_response
from ..response.json_encode import ResultError
from ..response.model import HttpResponse

_log = logging.getLogger("ovenbird")


class FailureReporter:
    """Reports failures of one function. With `debug` the traceback is also in the answer."""

    def __init__(self, name: str, debug: bool) -> None:
        self.name = name
        self.debug = debug
        self.watch: Callable[[BaseException], None] | None = None  # called with each failure, in its call's context

    def record(self, call: HttpCall, error: BaseException) -> None:
        """Log a failure with its traceback, under the id that the client gets."""
        call.error_id = call.error_id or new_id(64)
        if self.watch is not None:
            self.watch(error)
        if isinstance(error, ResultError):
            message, trace = f"{self.name}: {error}", ""
        else:
            message, trace = f"{self.name} raised {summarize_error(error)}", user_traceback(error)
        fields = {"error_id": call.error_id, "error": type(error).__name__, "request_id": call.request_id}
        fields |= {"trace_id": call.trace_id, "span_id": call.span_id}
        _log.error(message, extra={"fields": fields, "traceback": trace})

    def reply(self, call: HttpCall, error: BaseException) -> HttpResponse:
        """Return the 500 for a failure. Without `debug` it reveals nothing but the id."""
        extra: dict[str, Any] = {"traceback": user_traceback(error)} if self.debug else {}
        return problem_response(
            500, "the function failed; the log has the reason under this id", error_id=call.error_id, **extra
        )

    def note(self, call: HttpCall, message: str) -> None:
        """Log a warning about a call."""
        _log.warning(message, extra={"fields": {"request_id": call.request_id, "trace_id": call.trace_id}})
