"""Lines of the access log: each is formatted in one pass, from parts that are the same for many calls."""

from __future__ import annotations

import abc
import time
from typing import Any

from ...logging_config import json_line, text_line
from ..call import HttpCall

_MAX_PARTS = 512  # parts that are kept, each for one method, path and status
_MAX_PATH = 256  # characters of a path whose part is kept


class LineFormatter(abc.ABC):
    """Formats calls of one function. The clock is read for each line, and written once for each millisecond."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._parts: dict[tuple[Any, Any, int], str] = {}
        self._millisecond = -1
        self._second = -1
        self._time = ""  # up to the millisecond
        self._clock = ""  # up to the second

    @abc.abstractmethod
    def format(self, call: HttpCall, seconds: float) -> str:
        """Return the line of a call that ends now, after so many seconds."""

    def find_part(self, call: HttpCall) -> str:
        """Return what the line says of method, path and status, and refresh the clock."""
        now = int(time.time() * 1000)
        if now != self._millisecond:
            self._millisecond = now
            second, rest = divmod(now, 1000)
            if second != self._second:
                self._second, self._clock = second, self.format_second(second)
            self._time = f"{self._clock}{rest:03d}"
        scope = call.scope
        key = (scope.get("method"), scope.get("path"), call.status)  # an application may change its scope
        try:
            return self._parts[key]
        except (KeyError, TypeError):
            return self._make_part(*key)

    def _make_part(self, method: Any, path: Any, status: int) -> str:
        part = self.format_part(method, path, status)
        if type(path) is str and type(method) is str and len(path) <= _MAX_PATH:
            if len(self._parts) >= _MAX_PARTS:
                self._parts.clear()
            self._parts[method, path, status] = part
        return part

    @abc.abstractmethod
    def format_second(self, second: int) -> str:
        """Return the beginning of lines of one second of the Unix time."""

    @abc.abstractmethod
    def format_part(self, method: Any, path: Any, status: int) -> str:
        """Return the part between the time and the duration."""


class JsonFormatter(LineFormatter):
    """Formats calls as `json_line` formats records."""

    def format(self, call: HttpCall, seconds: float) -> str:
        part = self.find_part(call)
        digits = call.draw_digits()
        if digits and not call.error_id:
            return (
                f'{self._time}Z"{part}{seconds:.6f},"request_id":"{digits[:32]}","trace_id":"{digits[32:64]}",'
                f'"span_id":"{digits[64:]}"}}\n'
            )
        error = f',"error_id":"{call.error_id}"' if call.error_id else ""
        return (
            f'{self._time}Z"{part}{seconds:.6f},"request_id":"{call.request_id}","trace_id":"{call.trace_id}",'
            f'"span_id":"{call.span_id}"{error}}}\n'
        )

    def format_second(self, second: int) -> str:
        return time.strftime('{"time":"%Y-%m-%dT%H:%M:%S.', time.gmtime(second))

    def format_part(self, method: Any, path: Any, status: int) -> str:
        fields = {"function": self._name, "method": method, "path": path, "status": status}
        line = json_line(0.0, "info", f"{method} {path} {status}", fields)
        return f'{line[line.index(",") : -2]},"duration":'  # without its time, and its end


class TextFormatter(LineFormatter):
    """Formats calls as `text_line` formats records."""

    def format(self, call: HttpCall, seconds: float) -> str:
        part = self.find_part(call)
        error = f" error_id={call.error_id}" if call.error_id else ""
        return f"{self._time}{part}  duration={seconds * 1000:.1f}ms{error}\n"

    def format_second(self, second: int) -> str:
        return time.strftime("%H:%M:%S.", time.localtime(second))

    def format_part(self, method: Any, path: Any, status: int) -> str:
        line = text_line(0.0, "info", f"{method} {path} {status}", {})
        return line[line.index(" ") : -1]
