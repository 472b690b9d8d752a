"""Let user code import `nuclio_sdk`, for hints and for `Response`, where the real package is absent."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from types import ModuleType
from typing import Any

_NAME = "nuclio_sdk"


class _StandIn:
    """Last on the meta path: the real package wins."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:  # noqa: ARG004
        """The spec of the stand-in, for that one name."""
        return importlib.util.spec_from_loader(name, _StandIn) if name == _NAME else None  # type: ignore[arg-type]

    @staticmethod
    def create_module(spec: Any) -> None:
        """Let the import system make the module."""

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        """Give the stand-in what user code imports from it."""
        from .context import BindingLogger, Platform, ProcessorContext, Response
        from .event import Event

        module.Context = ProcessorContext  # type: ignore[attr-defined]
        module.Event = Event  # type: ignore[attr-defined]
        module.Logger = BindingLogger  # type: ignore[attr-defined]
        module.Platform = Platform  # type: ignore[attr-defined]
        module.Response = Response  # type: ignore[attr-defined]


def stand_in() -> None:
    """Let `import nuclio_sdk` work, whether or not that package is installed."""
    if _StandIn not in sys.meta_path:
        sys.meta_path.append(_StandIn)
