"""`@handler(outputs=[...])`: name what a function returns. Found in `ovenbird` and in `digitalhub_runtime_python`."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
Output = str | dict[str, Any]
_MARK = "__ovenbird_outputs__"
_PLATFORM = "digitalhub_runtime_python"


def handler(outputs: Sequence[Output] | None = None) -> Callable[[F], F]:
    """Name the outputs of a job's handler, in the order in which it returns them.

    An item is a name, or `{name, kind, spec_kwargs}`. The function itself is not changed: called, it returns what it
    returned before, so that it can be tested like any other.
    """

    def mark(function: F) -> F:
        setattr(function, _MARK, tuple(outputs or ()))
        return function

    if callable(outputs):  # written without parentheses: @handler
        function, outputs = outputs, None
        return mark(function)
    return mark


def outputs_of(function: Any) -> tuple[Output, ...]:
    """The names that the decorator gave to a function's outputs; none when it is not decorated."""
    found: tuple[Output, ...] = getattr(function, _MARK, ())
    return found


def own(found: Any) -> Any:
    """The user's own function where the real package's decorator is around it, marked alike; else `found`.

    That decorator makes a function which takes a project and a run before the arguments, and stores what it returns by
    the platform's SDK. Here the arguments are bound, and outputs stored, as for any other function.
    """
    code = getattr(found, "__code__", None)
    if code is None or getattr(found, "__globals__", {}).get("__name__", "").partition(".")[0] != _PLATFORM:
        return found
    kept = dict(zip(code.co_freevars, found.__closure__ or (), strict=False))
    function = getattr(found, "__wrapped__", None)
    if not callable(function) or "outputs" not in kept:
        return found
    return handler(kept["outputs"].cell_contents)(function)


class _StandIn:
    """Finds `digitalhub_runtime_python` where the real package is absent. Last on the meta path: the real one wins."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:  # noqa: ARG004
        """The spec of the stand-in, for that one name."""
        return importlib.util.spec_from_loader(name, _StandIn) if name == _PLATFORM else None  # type: ignore[arg-type]

    @staticmethod
    def create_module(spec: Any) -> None:
        """Let the import system make the module."""

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        """Give the stand-in what user code imports from it."""
        module.handler = handler  # type: ignore[attr-defined]


def stand_in() -> None:
    """Let user code import `handler` from `digitalhub_runtime_python`, whether or not that package is installed."""
    if _StandIn not in sys.meta_path:
        sys.meta_path.append(_StandIn)
