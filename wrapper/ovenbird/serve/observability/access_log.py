"""The access log: calls are put aside as they end, and written together, off the hot path."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import Context
from time import perf_counter
from typing import Any

from ..call import HttpCall

_PAUSE = 0.1  # seconds
_SLICE = 64  # calls that are written in one go
_MAX_CALLS = 20_000  # calls put aside; more are counted and said to be missing


class AccessLog:
    """Lines about calls; `write(records)` takes them, a list of (unix time, message, fields)."""

    def __init__(self, name: str, write: Callable[[list[tuple[float, str, dict[str, Any]]]], None]) -> None:
        self.name = name
        self._write = write
        self._calls: list[tuple[HttpCall, float]] = []
        self._lost = 0
        self._loop: Any = None
        self._context: Context | None = None
        self._timer: Any = None

    def start(self, loop: Any, context: Context | None = None) -> None:
        """Take the loop that runs the timer, and the context to run it in: that of a call would outlive the call."""
        self._loop = loop
        self._context = context

    def add(self, call: HttpCall, seconds: float) -> None:
        """Put a call aside that took so many seconds."""
        if len(self._calls) >= _MAX_CALLS:
            self._lost += 1
            return
        self._calls.append((call, seconds))
        if self._timer is None:
            self._timer = self._loop.call_later(_PAUSE, self._write_slice, context=self._context)

    def _write_slice(self) -> None:
        """Write a slice, and the next one when the loop has had its turn: no call waits for a long list."""
        self._timer = None
        self._write_calls(self._calls[:_SLICE])
        del self._calls[:_SLICE]
        if self._calls:
            pause = _PAUSE if len(self._calls) < _SLICE else 0
            self._timer = self._loop.call_later(pause, self._write_slice, context=self._context)

    def flush(self) -> None:
        """Write all that was put aside."""
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
