"""Import modules of a package without what its `__init__` imports."""

from __future__ import annotations

import importlib.util
import sys
import threading
from collections.abc import Mapping
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from .text import show_value


def defer_package(name: str, owners: Mapping[str, str]) -> None:
    """Let a package run its `__init__` when it is first asked for a name; until then, its modules are imported alone.

    `owners` has the module of each name for which it need not run. Nothing is changed if the package is imported
    already, or not installed.
    """
    if name in sys.modules:
        return
    spec = importlib.util.find_spec(name)
    if spec is not None and spec.loader is not None and spec.submodule_search_locations is not None:
        package = importlib.util.module_from_spec(spec)
        package.__getattr__ = _Names(package, spec, owners).get  # type: ignore[method-assign]  # PEP 562
        sys.modules[name] = package


class _Names:
    """The names of a package that its `__init__` defines."""

    def __init__(self, package: ModuleType, spec: ModuleSpec, owners: Mapping[str, str]) -> None:
        self._package, self._spec, self._owners = package, spec, owners
        self._lock = threading.RLock()  # `__init__` may ask for names of its own package
        self._has_run = False

    def get(self, name: str) -> Any:
        """Return the value of a name. Errors: AttributeError, as of a module; what `__init__` raises."""
        if name in self._owners and not self._has_run:
            return getattr(import_module(self._owners[name]), name)
        with self._lock:
            if not self._has_run:
                self._run()
        try:
            return vars(self._package)[name]
        except KeyError:
            raise AttributeError(f"module {show_value(self._spec.name)} has no attribute {show_value(name)}") from None

    def _run(self) -> None:
        assert self._spec.loader is not None
        self._has_run = True
        try:
            self._spec.loader.exec_module(self._package)
        except BaseException:
            self._has_run = False
            raise
