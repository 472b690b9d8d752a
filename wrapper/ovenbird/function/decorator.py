"""`@handler(outputs=[...])` names what a function returns. Import it from `ovenbird` or `digitalhub_runtime_python`."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])
Output = str | dict[str, Any]
_MARK = "__ovenbird_outputs__"
_PLATFORM = "digitalhub_runtime_python"


def handler(outputs: Sequence[Output] | None = None) -> Callable[[F], F]:
    """Name the outputs of a job's handler, in the order in which it returns them.

    An item is a name, or `{name, kind, spec_kwargs}`. The function itself is not changed: called, it returns what it
    returned before, so it can be tested like any other.
    """

    def mark(function: F) -> F:
        setattr(function, _MARK, tuple(outputs or ()))
        return function

    if callable(outputs):  # written without parentheses: @handler
        function, outputs = outputs, None
        return mark(function)
    return mark


def outputs_of(function: Any) -> tuple[Output, ...]:
    """Return the outputs that the decorator named for a function; empty when it is not decorated."""
    outputs: tuple[Output, ...] = getattr(function, _MARK, ())
    return outputs


def unwrap_sdk_decorator(value: Any) -> Any:
    """Return the user's own function when the real package's decorator wraps it, with the same outputs; else `value`.

    The wrapper takes a project and a run before the arguments, and stores the results with the platform's SDK. The
    function itself is bound, and its outputs are stored, like any other.
    """
    code = getattr(value, "__code__", None)
    if code is None or not is_sdk_function(value):
        return value
    variables = dict(zip(code.co_freevars, value.__closure__ or (), strict=False))
    function = getattr(value, "__wrapped__", None)
    if not callable(function) or "outputs" not in variables:
        return value
    return handler(variables["outputs"].cell_contents)(function)


def is_decorator(value: Any) -> bool:
    """Return whether a value is the decorator itself, Ovenbird's or the SDK's, and not a function of the user."""
    return value is handler or (is_sdk_function(value) and value.__name__ == "handler" and not value.__closure__)


def decorated_names(module: ModuleType) -> list[str]:
    """Return the names of a module's decorated functions: those defined in it, else those that it imports.

    A function with several names is listed once, by the first of them.
    """
    names: dict[int, tuple[str, bool]] = {}
    for name, value in vars(module).items():
        if callable(value) and (hasattr(value, _MARK) or unwrap_sdk_decorator(value) is not value):
            names.setdefault(id(value), (name, getattr(value, "__module__", None) == module.__name__))
    defined = [name for name, is_own in names.values() if is_own]
    return defined or [name for name, _ in names.values()]


def is_sdk_function(function: Any) -> bool:
    """Return whether a function was made by the platform's SDK, around the user's own."""
    name = getattr(function, "__globals__", {}).get("__name__") or ""
    return bool(name.partition(".")[0] == _PLATFORM)


class ImportStub:
    """A module that user code may import where the real package is absent; `make_content` gives what is in it."""

    def __init__(self, name: str, content: Callable[[], dict[str, Any]]) -> None:
        self.name, self.content = name, content

    def find_spec(self, name: str, *_: Any) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of the stub; None for any other name."""
        # typeshed's loader has a `load_module`, which Python itself no longer needs
        return importlib.util.spec_from_loader(name, cast("Any", self)) if name == self.name else None

    def create_module(self, spec: Any) -> None:
        """Let the import system make the module."""

    def exec_module(self, module: ModuleType) -> None:
        """Fill the stub with the names that user code imports from it."""
        vars(module).update(self.content())

    def install(self) -> None:
        """Add the stub to the end of the meta path, so that the real package takes precedence."""
        if self not in sys.meta_path:
            sys.meta_path.append(self)


def _nuclio_names() -> dict[str, Any]:
    from .nuclio_sdk_stub import make_content

    return make_content()


_STAND_INS = (ImportStub(_PLATFORM, lambda: {"handler": handler}), ImportStub("nuclio_sdk", _nuclio_names))


def install_sdk_stubs() -> None:
    """Let user code import `handler` from `digitalhub_runtime_python`, and `nuclio_sdk`, where these are absent.

    A processor has installed its own `nuclio_sdk` before, which takes precedence.
    """
    for module in _STAND_INS:
        module.install()
