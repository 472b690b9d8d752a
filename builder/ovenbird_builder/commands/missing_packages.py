"""Let the modules of the verbs be imported without the packages that they need, so that their help can be printed.

What stands in for a package can be imported from and inherited from, and does nothing. It is for help and completion
only: a verb that runs says which package is missing.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Iterator
from typing import Any

_PACKAGES = frozenset(
    "cyclonedx git gitdb installer obstore packageurl packaging pathspec pip piptools poetry rich tomli"
    " typing_extensions urllib3 zstandard".split()
)


@contextlib.contextmanager
def replace_missing() -> Iterator[list[str]]:
    """Within the block a package of ours that is not installed is an empty one; the list names those that were met."""
    finder = _Finder()
    sys.meta_path.append(finder)
    try:
        yield finder.absent
    finally:
        sys.meta_path.remove(finder)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds what nothing else has found."""

    def __init__(self) -> None:
        self.absent: list[str] = []

    def find_spec(self, fullname: str, *_: Any) -> importlib.machinery.ModuleSpec | None:
        """Return a spec for one of the packages, or a module of one that is absent."""
        package = fullname.partition(".")[0]
        if package not in _PACKAGES:
            return None
        if package != fullname and not isinstance(sys.modules.get(package), _AbsentModule):
            return None  # the package is installed, and has no such module
        if package not in self.absent:
            self.absent.append(package)
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        """Return an empty module."""
        return _AbsentModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """Do nothing."""


class _AbsentType(type):
    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return cls

    def __iter__(cls) -> Iterator[Any]:
        return iter(())


class _Absent(Exception, metaclass=_AbsentType):  # stands for classes and exceptions alike
    """Whatever was imported."""

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self


class _AbsentModule(types.ModuleType):
    __version__ = "0"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Absent
