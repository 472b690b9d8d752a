"""Ovenbird: turn a Python function into a service, a job, an image. What user code may import is found here, lazily."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.datastructures import UploadFile

    from .function.cloudevent import CloudEvent
    from .function.context import Context
    from .function.decorator import handler
    from .function.event import Event
    from .function.response import Response

__version__ = "0.1.0"
__all__ = ["CloudEvent", "Context", "Event", "Response", "UploadFile", "__version__", "handler"]

_HOMES = {
    "CloudEvent": "ovenbird.function.cloudevent",
    "Context": "ovenbird.function.context",
    "Event": "ovenbird.function.event",
    "Response": "ovenbird.function.response",
    "handler": "ovenbird.function.decorator",
    "UploadFile": "starlette.datastructures",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ovenbird' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
