"""A job trigger: load, init, one event, close. The exit status says whether the response was a 200."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..common.process_exit import force_end
from ..function.context import current_call
from ..function.target import Target
from ..job.interrupt import TIME_LIMIT, Interruption, RunInterrupted
from ..job.invoke import call
from ..job.result import RunFailed
from ..serve.response.json_encode import ResultError
from ..serve.response.model import HttpResponse
from ..serve.response.serialize import reply_to
from ..settings import Settings
from ..trace_context import from_traceparent
from .config import ProcessorConfig
from .event import make_job_event
from .nuclio_adapter import NuclioAdapter

FAILED = 1
_SHOWN = 2000  # characters of a body that are logged
_log = logging.getLogger("ovenbird")


class CallIds(NamedTuple):
    """The ids under which the event's handler logs."""

    request_id: str
    trace_id: str
    span_id: str
    traceparent: str
    tracestate: str = ""


def run(
    config: ProcessorConfig, settings: Settings, dialect: NuclioAdapter, target: Target, environ: Mapping[str, str]
) -> int:
    """Call the handler with the event and return the exit status. Errors: LoadError, InitError."""
    handler = dialect.handler(target)
    context = dialect.make_context(handler, 0, lambda: None)
    parent, state = (os.fsencode(environ.get(name, "")) for name in ("TRACEPARENT", "TRACESTATE"))
    trace = from_traceparent(parent, state)
    identity = environ.get("RUN_ID") or trace.trace_id
    ids = CallIds(identity, trace.trace_id, trace.span_id, trace.traceparent, trace.tracestate)
    current_call.set(ids)

    def forced(stop: RunInterrupted) -> None:
        force_end(
            lambda: _report_stop(stop, settings.timeout, f", by force after {settings.grace:g} seconds more"), FAILED
        )

    event = make_job_event(config.body, config.trigger, ids.request_id)
    try:
        with Interruption(settings.timeout, settings.grace, forced):
            return _report_reply(reply_to(call(handler, context, {}, {"context": context, "event": event})))
    except RunInterrupted as stop:
        return _report_stop(stop, settings.timeout)
    except RunFailed as ended:
        fields = {"error": ended.error["type"]}
        _log.error(
            "%s raised %s", handler.name, _format_error(ended.error), extra=_log_extra(fields, ended.error["traceback"])
        )
        _write_termination("handler", _format_error(ended.error), ended.error["traceback"])
    except ResultError as error:
        _log.error("%s: %s", handler.name, error, extra=_log_extra({"error": "ResultError"}))
        _write_termination("result", f"{handler.name}: {error}")
    return FAILED


def _report_reply(reply: HttpResponse) -> int:
    """Return 0 for status 200 or no response. For any other status, log the response and return 1."""
    if reply.status in (200, 204):
        _log.info("the job's event was answered %d", reply.status)
        return 0
    body = reply.body.decode("utf-8", "replace")[:_SHOWN]
    _log.error("the job's event was answered %d: %s", reply.status, body, extra=_log_extra({"status": reply.status}))
    _write_termination("answer", f"the job's event was answered {reply.status}: {body}")
    return FAILED


def _report_stop(stop: RunInterrupted, limit: float, suffix: str = "") -> int:
    if stop.reason == TIME_LIMIT:
        _log.error("stopped by the time limit of %g seconds%s", limit, suffix)
        _write_termination("time_limit", f"stopped by the time limit of {limit:g} seconds{suffix}")
        return FAILED
    _log.warning("stopped by %s%s", stop.reason, suffix)
    _write_termination("stopped", f"stopped by {stop.reason}{suffix}")
    return stop.exit_code


def _write_termination(code: str, message: str, traceback: str = "") -> None:
    """Write the reason for the failure to the termination log, which `kubectl describe pod` shows."""
    from ..common.termination_log import write_termination_message

    write_termination_message(code, message, traceback)


def _format_error(error: Mapping[str, str]) -> str:
    """Return type and message of an error, as in `ValueError: no such model`; the type only once."""
    kind, message = error["type"], error["message"]
    return message if message.startswith(kind) else f"{kind}: {message}"


def _log_extra(fields: dict[str, Any], traceback: str = "") -> dict[str, Any]:
    return {"fields": fields, "traceback": traceback}
