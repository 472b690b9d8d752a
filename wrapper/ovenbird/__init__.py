"""Ovenbird: turn a Python function into a service, a job, an image. What user code may import is found here, lazily."""

from __future__ import annotations

TYPE_CHECKING = False  # as type checkers read it, without what `typing` costs: this module comes before all of ours
if TYPE_CHECKING:
    from typing import Any

    from starlette.datastructures import UploadFile

    from .api.function import Function, function, run
    from .api.query import Runs, get, project, runs
    from .client.async_client import AsyncClient
    from .client.client import Client
    from .function.cloudevent import CloudEvent
    from .function.context import Context
    from .function.decorator import handler
    from .function.event import Event
    from .function.response import Response
    from .platform.entities.file_entity import Artifact, Dataitem, Model
    from .platform.entities.run import Run
    from .platform.project.project import Project
    from .sdk import *  # noqa: F403

__version__ = "0.1.0"
__all__ = [
    "Artifact", "AsyncClient", "Client", "CloudEvent", "Context", "Dataitem", "Event", "Function", "Model", "Project",
    "Response", "Run", "Runs", "UploadFile", "__version__", "function", "get", "handler", "project", "run", "runs",
]  # fmt: skip

_HOMES = {
    "Artifact": "ovenbird.platform.entities.file_entity",
    "AsyncClient": "ovenbird.client.async_client",
    "Client": "ovenbird.client.client",
    "CloudEvent": "ovenbird.function.cloudevent",
    "Context": "ovenbird.function.context",
    "Dataitem": "ovenbird.platform.entities.file_entity",
    "Event": "ovenbird.function.event",
    "Function": "ovenbird.api.function",
    "Model": "ovenbird.platform.entities.file_entity",
    "Project": "ovenbird.platform.project.project",
    "Response": "ovenbird.function.response",
    "Run": "ovenbird.platform.entities.run",
    "Runs": "ovenbird.api.query",
    "function": "ovenbird.api.function",
    "get": "ovenbird.api.query",
    "handler": "ovenbird.function.decorator",
    "project": "ovenbird.api.query",
    "run": "ovenbird.api.function",
    "runs": "ovenbird.api.query",
    "UploadFile": "starlette.datastructures",
}


# functions of the platform's SDK (`get_or_create_project`, `log_artifact`, ...) begin so; no module here does
_SDK_VERBS = (
    "create_", "delete_", "get_", "import_", "list_", "load_", "log_", "new_", "refresh_", "search_", "set_", "update_",
)  # fmt: skip


def __getattr__(name: str) -> Any:
    home = "ovenbird.sdk" if name.startswith(_SDK_VERBS) else _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'ovenbird' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    import importlib

    return sorted({*globals(), *__all__, *importlib.import_module("ovenbird.sdk").__all__})
