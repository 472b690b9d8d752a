"""The handler, ready to be called: how it is called, its arguments, its init and its close."""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Callable
from types import MethodType
from typing import Any

from ..common.text import show_value
from ..errors import InitError, NotCallableError, SignatureError
from .binder import SERVICE, Binder, PayloadValidationError
from .context import Context
from .handler_kind import HandlerKind, shape_of
from .loader import LoadedFunction, find_own_function
from .type_hints import signature_of

_log = logging.getLogger("ovenbird")
Thunk = Callable[[], Any]
_INIT_HINT = "`--init NAME=JSON`, or the variable `OVENBIRD_INIT_PARAMETERS` (a JSON object)"


class Handler:
    """A loaded function, ready to be called. All that can be decided once is decided here.

    `call` takes keywords and is the user's function, or the `__call__` of an object made by `construct`.
    """

    def __init__(
        self, loaded: LoadedFunction, reserved: frozenset[str] = SERVICE, *, fields_only: bool = False
    ) -> None:
        self.loaded = loaded
        spec = loaded.target.function
        self.name = spec.name if spec else loaded.target.attribute.rpartition(".")[2]
        self._instance: Any = None
        function = _call_method(loaded) if loaded.is_class else loaded.function
        self.shape = shape_of(function)
        self.binder = None if self.shape.application else Binder(function, reserved, fields_only=fields_only)
        self.call: Callable[..., Any] = self._adapt(function)

    def explain_unresolved(self) -> str:
        """Return which hints of the function and its init cannot be resolved, and what that means, or an empty text."""
        unresolved = [(self.name, self.binder.unresolved)] if self.binder else []
        for function in self._list_init_functions():
            with contextlib.suppress(SignatureError):  # which `check` and `bind_init` raise
                unresolved.append((_name_of(function), _bind_context(function).unresolved))
        listed = ", ".join(
            ", ".join(f"`{name}: {text}`" for name, text in hints.items()) + f" in {show_value(owner)}"
            for owner, hints in unresolved
            if hints
        )
        if not listed:
            return ""
        return (
            f"{listed}: the hint cannot be resolved, such as a name that is misspelt or"
            " imported for type checkers only; values are passed as they come, not checked and not converted"
        )

    def warn_unresolved(self) -> None:
        """Log a warning where hints could not be resolved."""
        if text := self.explain_unresolved():
            _log.warning("%s", text)

    def construct(self, context: Context, parameters: dict[str, Any]) -> None:
        """Construct the object when the handler is a class. Without an `init`, it gets the init parameters."""
        if self.loaded.is_class:
            arguments = {} if self._find_init(self.loaded.function) else parameters
            self._instance = _bind_call(self.loaded.function, context, arguments)()
            self.call = self._adapt(self._instance)

    def bind_init(self, context: Context, parameters: dict[str, Any]) -> Thunk | None:
        """Return the call of init with its arguments bound, or None without an init. Errors: InitError for wrong
        arguments.
        """
        function = self._find_init(self._instance)
        if function is not None:
            return _bind_call(function, context, parameters)
        if parameters and not self.loaded.is_class:
            names = ", ".join(map(repr, sorted(parameters)))
            raise InitError(
                f"init parameters were given ({names}), and {show_value(self.loaded.target.module)} has no init"
            )
        return None

    def bind_after_fork(self, context: Context) -> Thunk | None:
        """Return the call of `after_fork`, which may take `context`, with `--preload init`; None without one."""
        owner = self._instance if self.loaded.is_class else None
        function = getattr(owner, "after_fork", None) or find_own_function(self.loaded.module, "after_fork")
        return _bind_call(function, context, {}) if callable(function) else None

    def close(self, context: Context) -> Thunk | None:
        """Return the call of close, which may take `context`; None when there is no close."""
        function = getattr(self._instance, "close", None) if self.loaded.is_class else self.loaded.close
        return _bind_call(function, context, {}) if callable(function) else None

    def check(self, parameters: dict[str, Any]) -> str:
        """Return the signature of what takes the init parameters, or empty text. No user code is run.

        Errors: InitError when `parameters` do not fit.
        """
        context = Context(self.name)
        functions = self._list_init_functions()
        if not functions:
            self.bind_init(context, parameters)
            return ""
        for function, arguments in zip(functions, (parameters, {}), strict=False):
            _bind_call(function, context, arguments)
        return f"{_name_of(functions[0])}{signature_of(functions[0])}"

    def _list_init_functions(self) -> list[Callable[..., Any]]:
        """Return what takes the init parameters, and after it the constructor of a class that has an init as well."""
        kind = self.loaded.function
        function = self._find_init(kind)
        if self.loaded.is_class and function is not None and function is not self.loaded.init:
            function = MethodType(function, object())
        functions = (function, kind if self.loaded.is_class else None)
        return [function for function in functions if function is not None]

    def _find_init(self, owner: Any) -> Callable[..., Any] | None:
        """Return init: the class's own method, else the module's function (of a class, only if a document names it)."""
        if not self.loaded.is_class:
            return self.loaded.init
        own = getattr(owner, self.loaded.target.init or "init", None)
        return own if callable(own) else (self.loaded.init if self.loaded.target.init else None)

    def probe(self, name: str) -> Thunk | None:
        """Return the object's own `ready` or `alive`, or None."""
        function = getattr(self._instance, name, None)
        return function if callable(function) else None

    def _adapt(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return self.binder.adapt(function) if self.binder else function


def _call_method(loaded: LoadedFunction) -> Callable[..., Any]:
    """Return the `__call__` of a class as a bound method, which is used for its signature alone."""
    kind: Any = loaded.function
    if "__call__" not in {name for base in kind.__mro__[:-1] for name in vars(base)}:
        raise NotCallableError(
            f"{loaded.target} is a class without `__call__`", hint="give it `def __call__(self, ...)`"
        )
    return MethodType(kind.__call__, object())


def _bind_call(function: Callable[..., Any], context: Context, parameters: dict[str, Any]) -> Thunk:
    """Return the call of an init, a close or a constructor, with arguments bound by name and converted to their hints.

    Errors: InitError.
    """
    name = _name_of(function)
    try:
        binder = _bind_context(function)
        arguments = binder.from_object(parameters)
    except (PayloadValidationError, SignatureError) as error:
        raise InitError(f"the parameters of {name} do not fit: {error.message}", hint=_INIT_HINT) from None
    unknown = set(parameters) - set(arguments)
    if unknown:
        raise InitError(f"{name} takes no parameter {', '.join(map(repr, sorted(unknown)))}", hint=_INIT_HINT)
    return functools.partial(binder.adapt(function), **arguments, **dict.fromkeys(binder.reserved, context))


def _bind_context(function: Callable[..., Any]) -> Binder:
    """Return the binder of an init, a close or a constructor, which may take `context`. Errors: SignatureError."""
    return Binder(function, frozenset(("context",)), fields_only=True)


def _name_of(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", None) or repr(function)


__all__ = ["Handler", "HandlerKind"]
