"""Faults on demand: an error answer, a connection that breaks before or after the work, a slow answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Fault:
    """A fault of the next `times` calls that `fits` (method and path without query)."""

    kind: (
        str  # "status", "break" (nothing was done), "lose" (done, answer lost), "slow", "garbage", "do" or "then" work
    )
    times: int = 1
    fits: Callable[[str, str], bool] = lambda method, path: True
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    work: Callable[[], None] = lambda: None


class Faults:
    """The faults that are still to happen, in order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def add(self, kind: str, times: int = 1, *, method: str = "", path: str = "", **details: object) -> None:
        """Plan a fault for the next `times` calls of `method` whose path holds `path`."""

        def fits(call_method: str, where: str) -> bool:
            return (not method or call_method == method) and path in where

        self._waiting.append(Fault(kind, times, fits, **details))

    def next(self, method: str, path: str) -> Fault | None:
        """Return the fault of this call, which it uses up."""
        with self._lock:
            for fault in self._waiting:
                if fault.times and fault.fits(method, path):
                    fault.times -= 1
                    return fault
        return None
