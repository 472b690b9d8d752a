"""Find the module-level name of a function object, and refuse objects that have none."""

from __future__ import annotations

import functools
import sys
import types
from dataclasses import dataclass
from typing import Any

from ..errors import CaptureError
from .definitions import list_layers
from .source_units import describe_origin

_AS_FUNCTION = "define a function at the top of the module that calls it"


@dataclass(frozen=True, slots=True)
class Location:
    """A function by its name in the namespace of a module. `code_file` is the file name that its code has."""

    namespace: dict[str, Any]
    name: str
    code_file: str


def locate_function(function: Any) -> Location:
    """Return where a function, or a class that serves as a handler, is bound at the top of a module.

    Errors: CaptureError for objects of other kinds, nested functions, and functions that were defined again since.
    """
    _refuse_kinds(function)
    is_class = isinstance(function, type)
    members = list(vars(function).values()) if is_class else [function]
    layers = [layer for member in members for layer in list_layers(member)]
    named = [function] if is_class else [function, *layers]
    names = dict.fromkeys(name for item in named if isinstance(name := getattr(item, "__name__", None), str))
    namespaces = _list_namespaces(function, layers)
    for namespace in namespaces:
        for name in names:
            if namespace.get(name) is function:
                return Location(namespace, name, _find_code_file(layers, namespace))
    for namespace in namespaces:
        for name, value in list(namespace.items()):
            if value is function and not name.startswith("_"):
                return Location(namespace, name, _find_code_file(layers, namespace))
    raise _unbound_error(function, namespaces)


def _refuse_kinds(function: Any) -> None:
    kinds = {
        functools.partial: "a `functools.partial` object",
        functools.partialmethod: "a `functools.partialmethod` object",
        types.MethodType: "a method of an object",
        types.MethodWrapperType: "a method of an object",
        types.MethodDescriptorType: "a method",
        classmethod: "a class method",
        staticmethod: "a static method",
        types.CoroutineType: "a coroutine: the function was called",
        types.GeneratorType: "a generator: the function was called",
        types.AsyncGeneratorType: "an async generator: the function was called",
    }
    name = getattr(function, "__qualname__", None) or getattr(function, "__name__", None) or ""
    for kind, words in kinds.items():
        if isinstance(function, kind):
            hint = "capture the function itself, without `()`" if "called" in words else _AS_FUNCTION
            raise CaptureError(f"{_describe(name)} is {words} and cannot be captured", name=name, hint=hint)
    if isinstance(function, types.BuiltinFunctionType) or type(function).__name__ in (
        "ufunc",
        "cython_function_or_method",
    ):
        raise CaptureError(f"`{name}` is compiled code and has no Python source", name=name, hint=_AS_FUNCTION)
    if not callable(function):
        raise CaptureError(
            f"an object of type `{type(function).__name__}` is not a function",
            hint="capture a function that is defined at the top of a module or in a cell",
        )


def _describe(name: str) -> str:
    """Return the name of a callable, for a message; never its repr, which has the arguments of a partial."""
    return f"`{name}`" if name else "what was given"


def _list_namespaces(function: Any, layers: list[types.FunctionType]) -> list[dict[str, Any]]:
    """Return the namespaces that may bind a function: its own, that of its module, that of the main module, all."""
    modules = dict.fromkeys(getattr(item, "__module__", None) or "" for item in (function, *layers[::-1]))
    spaces = [layer.__globals__ for layer in layers[::-1]]
    call = getattr(type(function), "__call__", None)  # noqa: B004  # of an object that a decorator has made
    if isinstance(call, types.FunctionType):
        spaces.append(call.__globals__)
    spaces += [vars(sys.modules[name]) for name in (*modules, "__main__") if name in sys.modules]
    shell = sys.modules.get("IPython.core.getipython")
    if shell is not None and shell.get_ipython() is not None:
        spaces.append(shell.get_ipython().user_ns)
    return list({id(space): space for space in spaces}.values())


def _find_code_file(layers: list[types.FunctionType], namespace: dict[str, Any]) -> str:
    own = [layer for layer in layers if layer.__globals__ is namespace]
    return own[-1].__code__.co_filename if own else ""


def nested_error(function: Any) -> CaptureError | None:
    """Return the error for a function that was defined inside another one, or None."""
    name = getattr(function, "__qualname__", "")
    code = getattr(function, "__code__", None)
    if not isinstance(code, types.CodeType):
        return None
    line, where = code.co_firstlineno, f" ({code.co_filename}, line {code.co_firstlineno})"
    if code.co_freevars:
        variables = ", ".join(f"`{variable}`" for variable in code.co_freevars)
        message = f"`{name}`{where} closes over local variables: {variables}"
        return CaptureError(message, name=name, line=line, hint="define it at the top, and make them parameters")
    if "<locals>" in name:
        hint = "define it at the top of the module or in a cell of its own"
        return CaptureError(f"`{name}`{where} is defined inside a function", name=name, line=line, hint=hint)
    return None


def _unbound_error(function: Any, namespaces: list[dict[str, Any]]) -> CaptureError:
    if error := nested_error(function):
        return error
    name = getattr(function, "__qualname__", None) or type(function).__name__
    code = getattr(function, "__code__", None)
    line = code.co_firstlineno if code else 0
    where = f" ({code.co_filename}, line {line})" if code else ""
    short = name.rpartition(".")[2]
    if short == "<lambda>":
        message = f"the lambda{where} has no name at the top of its module"
        hint = "define it by `def`, or bind it to a name: `double = lambda value: 2 * value`"
    elif "." in name:
        message = f"`{name}`{where} is a function of a class"
        hint = _AS_FUNCTION
    elif any(short in namespace for namespace in namespaces):
        message = f"`{name}`{where} was defined again since, or its name was bound to something else"
        hint = f"capture the newest one: `{short}`"
    elif code is not None and code.co_filename.startswith("<"):
        message = f"`{name}` has no name at the top of a module, and no source: {describe_origin(code)}"
        hint = "write it into a file, or into a cell of a notebook"
    else:
        message = f"`{name}`{where} has no name at the top of its module"
        hint = "it was deleted, or made in a loop or by a factory: define it by `def` at the top"
    return CaptureError(message, name=name, line=line, hint=hint)
