"""Log lines on stderr: JSON for machines, text for people, each with the ids of its call."""

from __future__ import annotations

import logging
import os
import sys
import time
from datetime import datetime, timezone
from typing import Any

import msgspec

from .common.own_logger import install_own_logger
from .common.text import escape_controls, escape_json, show_value
from .function.context import current_call
from .function.tracebacks import user_traceback

# uvicorn logs the same events as we do, with a traceback of its own frames
_UVICORN_SAYS = (
    "Exception in ASGI application",
    "ASGI callable returned without",
    "Unsupported upgrade",
    "No supported WebSocket",
)


class LogHandler(logging.Handler):
    """Writes records to a stream, one line each. A traceback is a field in JSON, and indented lines in text."""

    def __init__(self, form: str, stream: Any = None) -> None:
        super().__init__()
        self._stream = stream
        self.line = text_line if form == "text" or (form == "auto" and is_for_people(self.stream)) else json_line

    @property
    def stream(self) -> Any:
        """The stream that was set, else the current stderr, of which a run keeps a copy."""
        return self._stream or sys.stderr

    @stream.setter
    def stream(self, stream: Any) -> None:
        self._stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            self.put(self.line(record.created, record.levelname.lower(), record.getMessage(), _collect_fields(record)))
        except Exception:
            self.handleError(record)

    def put(self, text: str) -> None:
        """Write text that ends with a line's end, whole."""
        try:
            self.stream.write(text)
            self.stream.flush()
        except (OSError, ValueError):  # a closed log is no reason to stop serving
            pass


def configure(form: str, level: str) -> LogHandler:
    """Send all logging of the process to stderr as `form` (`auto`, `text`, `json`). Returns the handler."""
    handler = LogHandler(form)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    install_own_logger(handler, level)
    logging.getLogger("asyncio").setLevel("WARNING")
    uvicorn = logging.getLogger("uvicorn.error")
    uvicorn.setLevel("WARNING")
    uvicorn.addFilter(lambda record: not str(record.msg).startswith(_UVICORN_SAYS))
    return handler


def is_for_people(stream: Any) -> bool:
    """Return whether people read the log: a terminal is there, or a CI service shows it."""
    return stream.isatty() or os.environ.get("CI", "").lower() not in ("", "0", "false")


def json_line(created: float, level: str, message: str, fields: dict[str, Any]) -> str:
    """Return one JSON object and a line's end, in which no character can reach a terminal as a control."""
    values = {"time": _format_time(created), "level": level, "message": message, **fields}
    try:
        text = msgspec.json.encode(values, enc_hook=show_value).decode()
    except Exception:  # half of a surrogate pair, a key or a number that JSON cannot hold: a record is never lost
        values = {str(key): _text_of(value) for key, value in values.items()}
        text = msgspec.json.encode(values).decode()
    return escape_json(text) + "\n"


def text_line(created: float, level: str, message: str, fields: dict[str, Any]) -> str:
    """Return one line for people, the traceback indented below it, with control characters escaped in both.

    Ids are left out except the one in the client's response.
    """
    clock = time.strftime("%H:%M:%S", time.localtime(created)) + f".{int(created % 1 * 1000):03d}"
    hidden = ("traceback", "request_id", "trace_id", "span_id", "logger", "function", "method", "path", "status")
    values = {**fields, "duration": f"{fields['duration'] * 1000:.1f}ms"} if "duration" in fields else fields
    rest = " ".join(f"{key}={_text_of(value)}" for key, value in values.items() if key not in hidden)
    trace = "".join(f"    {escape_controls(line)}\n" for line in str(fields.get("traceback") or "").split("\n") if line)
    return f"{clock} {level:7} {escape_controls(message)}{'  ' + escape_controls(rest) if rest else ''}\n{trace}"


def _text_of(value: Any) -> Any:
    if isinstance(value, (int, float)) and abs(value) < 2**63:
        return value
    return escape_controls(value) if isinstance(value, str) else show_value(value)


def _collect_fields(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = {"logger": record.name}
    call = current_call.get()
    if call is not None:
        fields |= {"request_id": call.request_id, "trace_id": call.trace_id, "span_id": call.span_id}
    fields |= getattr(record, "fields", None) or {}
    trace = getattr(record, "traceback", "") or (
        user_traceback(record.exc_info[1]) if record.exc_info and record.exc_info[1] else ""
    )
    if trace:
        fields["traceback"] = trace
    return fields


def _format_time(created: float) -> str:
    return datetime.fromtimestamp(created, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
