"""Test functions in this process, through the real application: `from ovenbird import testing`.

`call(handler, json=…)` makes one call, `service(handler)` many with one init, `run(handler, …)` a job with a store of
its own. All is imported when it is used, because pytest imports this package at its start.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as type checkers read it
if TYPE_CHECKING:
    from typing import Any

    from .calls import acall, call, service
    from .jobs import JobResult, run
    from .local_service import LocalAnswer, LocalService

__all__ = ["JobResult", "LocalAnswer", "LocalService", "acall", "call", "run", "service"]
_HOMES = {
    "JobResult": "jobs", "LocalAnswer": "local_service", "LocalService": "local_service", "acall": "calls",
    "call": "calls", "run": "jobs", "service": "calls",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        from ..common.text import show_value

        raise AttributeError(f"module 'ovenbird.testing' has no attribute {show_value(name)}")
    import importlib

    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
