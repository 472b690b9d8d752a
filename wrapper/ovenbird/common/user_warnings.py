"""Warnings while Ovenbird works: who makes them errors means the own code, and loses no output by it."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from typing import Any, cast


def warn_user(text: str) -> None:
    """Issue a UserWarning, or log it where warnings are errors."""
    try:
        warnings.warn(text, stacklevel=3)
    except UserWarning:
        logging.getLogger("ovenbird").warning("%s", text)


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
