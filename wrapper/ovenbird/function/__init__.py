"""The user's code: find, load, bind and describe it; knows no HTTP and no platform."""

from __future__ import annotations

import sys
from typing import Any


class _CallablePackage(type(sys)):  # type: ignore[misc]
    """This package, which is `ovenbird.function` of the Python API at the same time.

    Python binds each package as an attribute of its parent, so the API's function of that name has to be called by it.
    """

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        from importlib import import_module  # the API lies above this package

        return import_module("ovenbird.api.function").function(*arguments, **options)


sys.modules[__name__].__class__ = _CallablePackage
