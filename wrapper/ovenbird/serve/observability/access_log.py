"""The access log: calls are buffered when they end, and written together, off the hot path."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import Context
from time import perf_counter
from typing import Any

from ..call import HttpCall

_PAUSE = 0.1  # seconds
_SLICE = 64  # calls that are written at once
_MAX_CALLS = 20_000  # calls in the buffer; further calls are only counted, as missing


class AccessLog:
    """Buffers calls, and passes records to `write`: a list of (Unix time, message, fields)."""

    def __init__(self, name: str, write: Callable[[list[tuple[float, str, dict[str, Any]]]], None]) -> None:
        self.name = name
        self._write = write
        self._calls: list[tuple[HttpCall, float]] = []
        self._lost = 0
        self._loop: Any = None
        self._context: Context | None = None
        self._timer: Any = None

    def start(self, loop: Any, context: Context | None = None) -> None:
        """Set the loop of the timer, and its context: the context of a call would be kept after the call."""
        self._loop = loop
        self._context = context

    def add(self, call: HttpCall, seconds: float) -> None:
        """Add a call to the buffer, with its duration in seconds."""
        if len(self._calls) >= _MAX_CALLS:
            self._lost += 1
            return
        self._calls.append((call, seconds))
        if self._timer is None:
            self._timer = self._loop.call_later(_PAUSE, self._write_slice, context=self._context)

    def _write_slice(self) -> None:
        """Write a slice, and schedule the next one: a long list must not delay calls."""
        self._timer = None
        self._write_calls(self._calls[:_SLICE])
        del self._calls[:_SLICE]
        if self._calls:
            pause = _PAUSE if len(self._calls) < _SLICE else 0
            self._timer = self._loop.call_later(pause, self._write_slice, context=self._context)

    def flush(self) -> None:
        """Write all buffered calls."""
        calls, self._calls = self._calls, []
        self._write_calls(calls)

    def _write_calls(self, calls: list[tuple[HttpCall, float]]) -> None:
        offset = time.time() - perf_counter()
        records = [(call.started + seconds + offset, *self._format_call(call, seconds)) for call, seconds in calls]
        if self._lost:
            records.append((time.time(), f"{self._lost} calls are missing from the access log", {}))
            self._lost = 0
        if records:
            self._write(records)

    def _format_call(self, call: HttpCall, seconds: float) -> tuple[str, dict[str, Any]]:
        scope = call.scope
        fields = {
            "function": self.name,
            "method": scope["method"],
            "path": scope["path"],
            "status": call.status,
            "duration": round(seconds, 6),
            "request_id": call.request_id,
            "trace_id": call.trace_id,
            "span_id": call.span_id,
        }
        if call.error_id:
            fields["error_id"] = call.error_id
        return f"{scope['method']} {scope['path']} {call.status}", fields
