"""Find the handler that a test means: an object, or the target of the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from ..common.did_you_mean import suggest_names
from ..common.text import show_value
from ..errors import SettingsError
from ..function.loader import LoadedFunction, load, load_object
from ..function.target import Target, parse
from ..settings import Settings

Testable = Callable[..., Any] | str | os.PathLike[str]


def load_testable(testable: Testable, source: str = "") -> LoadedFunction:
    """Return a loaded function for an object (a function, a class, an application), or for the text of a target.

    Errors: LoadError.
    """
    if isinstance(testable, (str, os.PathLike)):
        target = parse(os.fspath(testable), source)
        _forget_others(target)
        return load(target)
    return load_object(testable)


def _forget_others(target: Target) -> None:
    """Remove a module of the target's name that another folder has brought: `a/main.py` is not `b/main.py`."""
    name = target.module.partition(".")[0]
    file = getattr(sys.modules.get(name), "__file__", None)
    if not file or Path(file).resolve().is_relative_to(target.root.resolve()):
        return
    for loaded in [module for module in sys.modules if module == name or module.startswith(f"{name}.")]:
        del sys.modules[loaded]


def make_settings(verb: str, values: dict[str, Any]) -> Settings:
    """Return settings, as those of a verb, with some values: durations in seconds, sizes in bytes.

    Errors: SettingsError for a name that is no setting.
    """
    names = [field.name for field in fields(Settings)]
    for name in values:
        if name not in names:
            hint = suggest_names(name, names)
            raise SettingsError(f"there is no setting {show_value(name)} of `ovenbird {verb}`", hint=hint)
    return replace(Settings(), **values)
