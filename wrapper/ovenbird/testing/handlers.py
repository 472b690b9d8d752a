"""Find the handler that a test means: an object, or the target of the command line."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from ..common.did_you_mean import suggest_names
from ..common.text import show_value
from ..errors import SettingsError
from ..function.loader import LoadedFunction, forget_other_modules, load, load_object
from ..function.target import parse
from ..settings import Settings

Testable = Callable[..., Any] | str | os.PathLike[str]


def load_testable(testable: Testable, source: str = "") -> LoadedFunction:
    """Return a loaded function for an object (a function, a class, an application), or for the text of a target.

    Errors: LoadError.
    """
    if isinstance(testable, (str, os.PathLike)):
        target = parse(os.fspath(testable), source)
        forget_other_modules(target)
        return load(target)
    return load_object(testable)


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
