"""The handler, ready to be called: its shape, its arguments, and what goes before and after."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import MethodType
from typing import Any

from ..errors import InitError, NotCallableError, SignatureError
from .bind import SERVICE, Binder, FieldsError
from .context import Context
from .load import Loaded
from .shape import Shape, shape_of

Thunk = Callable[[], Any]


class Handler:
    """What was loaded, decided once.

    `call` takes keywords and is the user's function, or the `__call__` of an object made by `construct`.
    """

    def __init__(self, loaded: Loaded, reserved: frozenset[str] = SERVICE, *, fields_only: bool = False) -> None:
        self.loaded = loaded
        function = loaded.target.function
        self.name = function.name if function else loaded.target.attribute.rpartition(".")[2]
        self._instance: Any = None
        found = _unconstructed(loaded) if loaded.is_class else loaded.found
        self.shape = shape_of(found)
        self.binder = None if self.shape.application else Binder(found, reserved, fields_only=fields_only)
        self.call: Callable[..., Any] = self._adapt(found)

    def construct(self, context: Context, parameters: dict[str, Any]) -> None:
        """Make the object, when the handler is a class. It gets the init parameters when it has no `init`."""
        if not self.loaded.is_class:
            return
        own_init = callable(getattr(self.loaded.found, "init", None))
        arguments = _bound(self.loaded.found, context, {} if own_init else parameters, f"class {self.name}")
        self._instance = self.loaded.found(**arguments)
        self.call = self._adapt(self._instance)

    def init(self, context: Context, parameters: dict[str, Any]) -> Thunk | None:
        """The call of init, its arguments bound; None when there is no init. Errors: InitError for parameters that do not fit."""
        function = getattr(self._instance, "init", None) if self._instance is not None else self.loaded.init
        if function is None:
            if parameters and self._instance is None:
                names = ", ".join(sorted(parameters))
                raise InitError(f"init parameters were given ({names}), and {self.loaded.target.module!r} has no init")
            return None
        arguments = _bound(function, context, parameters, function.__qualname__)
        return lambda: function(**arguments)

    def close(self, context: Context) -> Thunk | None:
        """The call of close, which may take `context`; None when there is none."""
        function = getattr(self._instance, "close", None) if self._instance is not None else self.loaded.close
        if not callable(function):
            return None
        arguments = _bound(function, context, {}, "close")
        return lambda: function(**arguments)

    def probe(self, name: str) -> Thunk | None:
        """The object's own `ready` or `alive`; None when it has none."""
        function = getattr(self._instance, name, None)
        return function if callable(function) else None

    def _adapt(self, found: Callable[..., Any]) -> Callable[..., Any]:
        return self.binder.adapt(found) if self.binder else found


def check_init(handler: Handler, parameters: dict[str, Any]) -> str:
    """The signature of init for people; empty when there is none. Errors: InitError when `parameters` do not fit."""
    loaded = handler.loaded
    function = getattr(loaded.found, "init", None) if loaded.is_class else loaded.init
    if function is None:
        return ""
    bound = MethodType(function, object()) if loaded.is_class else function
    _bound(bound, Context(handler.name), parameters, function.__qualname__)
    return f"{function.__name__}{inspect.signature(bound)}"


def _unconstructed(loaded: Loaded) -> Callable[..., Any]:
    """The `__call__` of a class as a bound method, for its signature alone."""
    kind: Any = loaded.found
    if "__call__" not in {name for base in kind.__mro__[:-1] for name in vars(base)}:
        raise NotCallableError(f"{loaded.target} is a class without __call__", hint="give it def __call__(self, ...)")
    return MethodType(kind.__call__, object())


def _bound(function: Callable[..., Any], context: Context, parameters: dict[str, Any], name: str) -> dict[str, Any]:
    """Arguments for init, close or a constructor, by name, converted to their hints."""
    try:
        binder = Binder(function, frozenset(("context",)), fields_only=True)
        arguments = binder.from_object(parameters) if binder.parameters or binder.rest or parameters else {}
    except (FieldsError, SignatureError) as error:
        raise InitError(f"the parameters of {name} do not fit: {error.message}") from None
    unknown = set(parameters) - set(arguments)
    if unknown:
        raise InitError(f"{name} takes no parameter {', '.join(map(repr, sorted(unknown)))}", hint="--init NAME=JSON")
    return {**arguments, **dict.fromkeys(binder.reserved, context)}


__all__ = ["Handler", "Shape", "check_init"]
