"""The values of options by name, as programs give them in place of flags."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from ovenbird.common.text import show_value

from ..errors import BuildRequestError


def check_value(name: str, value: Any, *, switch: bool, many: bool) -> Any:
    """Return the value of an option: whether a `switch` is on, a tuple of texts for one that takes `many`, else a text.

    Errors: BuildRequestError for a value of another kind.
    """
    if switch:
        if isinstance(value, bool):
            return value
        raise BuildRequestError(f"{name}: expected True or False, found {show_value(value)}")
    if isinstance(value, str | os.PathLike):
        return (os.fspath(value),) if many else os.fspath(value)
    if many and isinstance(value, Iterable):
        values = list(value)
        if all(isinstance(item, str | os.PathLike) for item in values):
            return tuple(map(os.fspath, values))
    expected = "a text, or a list of texts" if many else "a text"
    raise BuildRequestError(f"{name}: expected {expected}, found {show_value(value)}")
