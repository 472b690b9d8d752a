"""A clean context for each call: what user code sets in a `ContextVar` is seen by no other call."""

from __future__ import annotations

from contextvars import ContextVar, copy_context
from typing import Any


class CleanContext:
    """What the context held when the server started, at import: calls and timers begin with a copy of `base`.

    The context of `decimal` is an object that copies share and `getcontext().prec = 5` changes; where code at import
    has made one, `shared` is true, and each call has to take a copy by `separate`.
    """

    def __init__(self) -> None:
        self.base = copy_context()
        self._decimal: ContextVar[Any] | None = next((var for var in self.base if var.name == "decimal_context"), None)
        self.shared = self._decimal is not None
        self._value: Any = (
            None if self._decimal is None else self.base[self._decimal].copy()
        )  # init may change the original

    def separate(self) -> None:
        """Give the context that runs now a copy of what contexts would share."""
        if self._decimal is not None:
            self._decimal.set(self._value.copy())
