"""Import the user's module once, under its real name, and find its handler, init and close."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from ..common.did_you_mean import suggest_names
from ..common.fork_guard import parent_only
from ..common.module_shadowing import find_shadows
from ..common.named_paths import is_folder
from ..common.text import show_value
from ..errors import (
    AttributeMissingError,
    LoadError,
    ModuleFailedError,
    ModuleMissingError,
    ModuleShadowedError,
    NotCallableError,
)
from .decorator import decorated_names, install_sdk_stubs, is_decorator, unwrap_sdk_decorator
from .target import DEFAULT_ATTRIBUTE, Target
from .tracebacks import has_user_frames, summarize_error, user_traceback

_importing: ContextVar[str] = ContextVar("ovenbird_importing", default="")  # the target whose module is imported


@dataclass(frozen=True, slots=True)
class LoadedFunction:
    """A loaded function: its module, what the target names, and the functions that go with it.

    `function` is a function, a class or another callable. `init` and `close` are the module's; a class
    brings its own methods instead.
    """

    target: Target
    module: ModuleType
    function: Callable[..., Any]
    init: Callable[..., Any] | None
    close: Callable[..., Any] | None

    @property
    def is_class(self) -> bool:
        """Whether the handler is a class. It is constructed once, and then its `__call__` is the handler."""
        return isinstance(self.function, type)


def load(target: Target, timer: AbstractContextManager[Any] | None = None) -> LoadedFunction:
    """Import the target's module and return its attribute with init and close.

    Where the target names no function, the decorated one is used (see `_resolve_decorated`). The module is imported
    inside the context `timer`.

    Errors: ModuleShadowedError, ModuleMissingError, ModuleFailedError, AttributeMissingError, NotCallableError.
    """
    root = str(target.root)
    install_sdk_stubs()
    refuse_shadows(target.root)
    if root in sys.path:
        sys.path.remove(root)
    sys.path.insert(0, root)
    module = _import_module(target, timer or contextlib.nullcontext())
    target = _resolve_decorated(module, target)
    function = unwrap_sdk_decorator(_find_attribute(module, target))
    if not callable(function):
        raise NotCallableError(
            f"{target} is of type {type(function).__name__} and cannot be called",
            hint=suggest_names("", _list_callables(module)),
        )
    init = _find_init(module, target, function)
    close = None if isinstance(function, type) else find_own_function(module, "close")
    return LoadedFunction(target, module, function, init, close)


def load_object(function: Callable[..., Any]) -> LoadedFunction:
    """Return a function, class or application that is at hand, with init and close of the module that defines it.

    Errors: NotCallableError.
    """
    if not callable(function):
        raise NotCallableError(f"an object of type {type(function).__name__} cannot be called")
    install_sdk_stubs()
    function = unwrap_sdk_decorator(function)
    module = sys.modules.get(getattr(function, "__module__", None) or "") or sys.modules[__name__]
    file = getattr(module, "__file__", None)
    name = getattr(function, "__name__", None) or type(function).__name__
    target = Target(Path(file).resolve().parent if file else Path.cwd(), module.__name__, str(name))
    init = _find_init(module, target, function)
    close = None if isinstance(function, type) else find_own_function(module, "close")
    return LoadedFunction(target, module, function, init, close)


def refuse_import(what: str) -> None:
    """Raise LoadError while the module of a run is imported: what it does at its top, each process of it would do."""
    if name := _importing.get():
        raise LoadError(
            f"{what} while {show_value(name)} is imported: each process that imports the module would do it again",
            hint='put it below `if __name__ == "__main__":`',
        )


def forget_other_modules(target: Target) -> None:
    """Remove a module of the target's name that another folder has brought: `a/main.py` is not `b/main.py`."""
    name = target.module.partition(".")[0]
    file = getattr(sys.modules.get(name), "__file__", None)
    if not file or Path(file).resolve().is_relative_to(target.root.resolve()):
        return
    for loaded in [module for module in sys.modules if module == name or module.startswith(f"{name}.")]:
        del sys.modules[loaded]


def refuse_shadows(root: Path) -> None:
    """Raise ModuleShadowedError when a file in the source root hides a module that Python or the runtime needs."""
    for entry, name, whose in find_shadows(root):
        raise ModuleShadowedError(
            f"{show_value(str(entry))} would hide the module {show_value(name)} of {whose}",
            hint=f"rename it, for example to my_{name}{entry.suffix}",
        )


def _import_module(target: Target, timer: AbstractContextManager[Any]) -> ModuleType:
    """Import and return the target's module.

    Errors: ModuleMissingError when it does not exist; ModuleFailedError when its code raises.
    """
    name = target.module
    # The finders cache folder listings: a file written just before, as --reload does, may be missed. The source's own
    # are dropped: importlib.invalidate_caches() would import importlib.metadata, which takes a tenth of a start.
    for path in [folder for folder in sys.path_importer_cache if Path(folder).is_relative_to(target.root)]:
        del sys.path_importer_cache[path]
    token = _importing.set(str(target))
    try:
        with parent_only(), timer:
            return importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(error.name + ".")) and not has_user_frames(error):
            raise _missing_error(target, error.name) from None
        raise _failed_error(target, error, f"is {show_value(error.name)} in the requirements, and installed?") from None
    except ImportError as error:
        relative = "relative import" in str(error)
        hint = "name the package: `--source FOLDER package.module:handler`" if relative else ""
        raise _failed_error(target, error, hint) from None
    except BaseException as error:  # a module that calls sys.exit() failed too
        raise _failed_error(target, error, "") from None
    finally:
        _importing.reset(token)


def _missing_error(target: Target, name: str) -> ModuleMissingError:
    folder = target.root.joinpath(*name.split(".")[:-1])
    files = (
        [
            entry.stem
            for entry in folder.iterdir()
            if not entry.name.startswith(".") and (entry.suffix == ".py" or is_folder(entry))
        ]
        if is_folder(folder)
        else []
    )
    hint = "`--source` names the folder that holds it"
    if target.function and target.function.is_remote:
        from ..common.redact import redact_source

        source = redact_source(target.function.source)
        hint = f"only a build and the platform fetch its source {show_value(source)}: `--source` names a copy of it"
    return ModuleMissingError(
        f"no module {show_value(target.module)}: {show_value(name)} was looked for in"
        f" {show_value(str(folder))} and on `sys.path`",
        hint=suggest_names(name.rpartition(".")[2], files) or hint,
    )


def _failed_error(target: Target, error: BaseException, hint: str) -> ModuleFailedError:
    return ModuleFailedError(
        f"importing {show_value(target.module)} failed: {summarize_error(error)}",
        hint=hint,
        cause=user_traceback(error),
    )


def _resolve_decorated(module: ModuleType, target: Target) -> Target:
    """Return the target with the name of the one decorated function, where it names the decorator or no attribute.

    With `from ovenbird import handler` in it, `main.py` alone names the decorator.
    Errors: AttributeMissingError when several functions are decorated, or none.
    """
    value = vars(module).get(target.attribute)
    is_absent = target.attribute == DEFAULT_ATTRIBUTE and not {DEFAULT_ATTRIBUTE, "__getattr__"} & vars(module).keys()
    if not is_absent and (value is None or not is_decorator(value)):
        return target
    names = decorated_names(module)
    if len(names) == 1:
        return replace(target, attribute=names[0])
    if is_absent and not names:
        return target
    decorated = f"it decorates {', '.join(names)}" if names else "it decorates no function"
    others = [name for name in _list_callables(module) if not is_decorator(vars(module).get(name))]
    raise AttributeMissingError(
        f"{show_value(str(target))} is the decorator, not a function; {decorated}"
        if not is_absent
        else f"{show_value(target.module)} has no attribute {show_value(target.attribute)}; these are decorated:"
        f" {', '.join(names)}",
        hint=f"name one: {target.module}.py:{names[0]}" if names else suggest_names("", others),
    )


def _find_attribute(module: ModuleType, target: Target) -> Any:
    value: Any = module
    path = target.module
    for name in target.attribute.split("."):
        try:
            value = getattr(value, name)
        except AttributeError:
            raise AttributeMissingError(
                f"{show_value(path)} ({getattr(module, '__file__', None) or 'no file'}) has no"
                f" attribute {show_value(name)}",
                hint=_suggest_attribute(value, name, target),
            ) from None
        except Exception as error:  # a module's __getattr__ or a property may raise anything
            raise LoadError(f"{path}.{name} raised {summarize_error(error)}", cause=user_traceback(error)) from None
        path = f"{path}.{name}"
    return value


def _suggest_attribute(owner: Any, name: str, target: Target) -> str:
    """Return a hint for an attribute that `owner` lacks: similar names, or `module:name` where that has a dot."""
    names = _list_callables(owner)
    rest = target.attribute.removeprefix(f"{target.module}.")
    if rest != target.attribute and name == target.module and rest.partition(".")[0] in names:
        return f"a colon stands between module and function: `{target.module}:{rest}`"
    return suggest_names(name, names) or "nothing in it can be called"


def _find_init(module: ModuleType, target: Target, kind: Any) -> Callable[..., Any] | None:
    """Return the init function: the one that the document names, else `init` of the same module; None without one."""
    if target.init is None:
        return find_own_function(module, "init")
    if isinstance(kind, type) and callable(getattr(kind, target.init, None)):
        return None
    function = getattr(module, target.init, None)
    if function is None:
        raise AttributeMissingError(
            f"spec.source.init_function: {show_value(target.module)} has no attribute {show_value(target.init)}",
            hint=suggest_names(target.init, _list_callables(module)),
        )
    if not callable(function):
        raise NotCallableError(
            f"spec.source.init_function: {show_value(target.init)} is of type {type(function).__name__}, not a function"
        )
    return function  # type: ignore[no-any-return]


def _list_callables(owner: Any) -> list[str]:
    """Return the names of the callables in a module or an object, for a message."""
    names = []
    for name in dir(owner):
        with contextlib.suppress(Exception):  # a property may raise anything
            if callable(getattr(owner, name)):
                names.append(name)
    return names


def find_own_function(module: ModuleType, name: str) -> Callable[..., Any] | None:
    """Return a function that is defined in this very module, or None.

    With `from os import close`, the module has a `close` that is not the user's.
    """
    value = getattr(module, name, None)
    return value if callable(value) and getattr(value, "__module__", None) == module.__name__ else None
