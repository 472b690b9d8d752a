"""A clean context for each call: values that user code sets in a `ContextVar` do not reach other calls."""

from __future__ import annotations

from contextvars import ContextVar, copy_context
from typing import Any


class CleanContext:
    """The context at the start of the server. Calls and timers begin with a copy of `base`.

    Copies share the context object of `decimal`, which `getcontext().prec = 5` changes. If importing the function has
    created that object, `shared` is true, and each call has to copy it by `separate`.
    """

    def __init__(self) -> None:
        self.base = copy_context()
        self._decimal: ContextVar[Any] | None = next((var for var in self.base if var.name == "decimal_context"), None)
        self.shared = self._decimal is not None
        self._value: Any = (
            None if self._decimal is None else self.base[self._decimal].copy()
        )  # init may change the original

    def separate(self) -> None:
        """Copy the context object of `decimal` for the current context."""
        if self._decimal is not None:
            self._decimal.set(self._value.copy())
