"""Warnings while Ovenbird works: who makes them errors means the own code, and loses no output by it."""

from __future__ import annotations

import contextlib
import logging
import sys
import warnings
from collections.abc import Iterator
from typing import Any, cast

_PACKAGE = __name__.partition(".")[0]
_OF_RUN = f"{_PACKAGE}.job.execution"


def warn_user(text: str) -> None:
    """Issue a UserWarning at the line of user code that called; log it where none did, or where warnings are errors."""
    level, frame = 1, sys._getframe()
    while frame.f_back and str(frame.f_globals.get("__name__")).partition(".")[0] == _PACKAGE:
        if frame.f_globals["__name__"] == _OF_RUN:  # after the function: the line would be one of ours
            break
        level, frame = level + 1, frame.f_back
    else:
        with contextlib.suppress(UserWarning):
            warnings.warn(text, stacklevel=level)
            return
    logging.getLogger(_PACKAGE).warning("%s", text)


@contextlib.contextmanager
def tolerate_warnings() -> Iterator[None]:
    """Return a context in which warnings of any library that would be raised as errors are shown instead."""
    if all(entry[0] != "error" for entry in warnings.filters):
        yield
        return
    with warnings.catch_warnings():
        eased = [("default", *entry[1:]) if entry[0] == "error" else entry for entry in warnings.filters]
        cast(list[Any], warnings.filters)[:] = eased
        warnings.simplefilter("default", _AnyModule, append=True)  # a changed filter makes the module drop its cache
        yield


class _AnyModule(Warning):
    """A warning that is never issued."""
