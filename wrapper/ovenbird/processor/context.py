"""The context that a function written for nuclio receives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from ..common.text import show_value
from ..function.context import Context, Logger
from ..function.nuclio_sdk_stub import Response


class BoundLogger(Logger):
    """A logger that fields can be bound to. Each later record with fields then carries them too."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._bound: dict[str, Any] = {}

    def bind(self, **fields: Any) -> None:
        """Bind fields."""
        self._bound.update(fields)

    def debug_with(self, message: Any, *args: Any, **fields: Any) -> None:
        """Log at level debug, with fields."""
        super().debug_with(message, *args, **{**self._bound, **fields})

    def info_with(self, message: Any, *args: Any, **fields: Any) -> None:
        """Log at level info, with fields."""
        super().info_with(message, *args, **{**self._bound, **fields})

    def warn_with(self, message: Any, *args: Any, **fields: Any) -> None:
        """Log at level warning, with fields."""
        super().warn_with(message, *args, **{**self._bound, **fields})

    def error_with(self, message: Any, *args: Any, **fields: Any) -> None:
        """Log at level error, with fields."""
        super().error_with(message, *args, **{**self._bound, **fields})


class NuclioPlatform:
    """The platform's object for a function: it registers a callback for the end of the process, and nothing else."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.kind = "kube" if environ.get("KUBERNETES_SERVICE_HOST") else "local"
        self.namespace = environ.get("NUCLIO_FUNCTION_NAMESPACE") or environ.get("DHCORE_NAMESPACE") or "default"
        self._termination: Callable[[], Any] | None = None

    def set_termination_callback(self, callback: Callable[[], Any]) -> None:
        """Register `callback()`, which is called once, after the last call."""
        self._termination = callback

    def set_drain_callback(self, callback: Callable[[], Any]) -> None:
        """Accept a callback for the rebalancing of a stream. It is never called, as there are no streams here."""

    def call_function(self, name: str, *_: Any, **__: Any) -> Any:
        """Raise NotImplementedError: call other functions at the addresses of their services."""
        raise NotImplementedError(
            f"context.platform.call_function({show_value(name)}) is not supported; send an HTTP request to its service"
        )

    def terminate(self) -> Any:
        """Call the termination callback, if one was set."""
        return self._termination() if self._termination else None


class ProcessorContext(Context):
    """`Response`, `logger`, `platform`, `trigger`, `trigger_name`, `worker_id`, `user_data`; init may set more."""

    Response = Response

    def __init__(self, name: str, *, platform: NuclioPlatform, kind: str, trigger_name: str, **rest: Any) -> None:
        super().__init__(name, trigger=kind, **rest)
        self.logger = BoundLogger(name)
        self.platform = platform
        self.trigger = SimpleNamespace(kind=kind, name=trigger_name)
        self.trigger_name = trigger_name
