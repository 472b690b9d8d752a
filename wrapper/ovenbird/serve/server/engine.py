"""Choose the HTTP protocol: ours, which relies on internals of uvicorn, or uvicorn's own if those have changed."""

from __future__ import annotations

import logging
from typing import Any

import uvicorn

from ..call import ServerTransport

_log = logging.getLogger("ovenbird")
_import_error = ""  # the error of the import, if it failed
try:
    from . import protocol, uvicorn_adapter
except (ImportError, AttributeError, TypeError) as error:
    _import_error = str(error)


def choose() -> tuple[Any, ServerTransport]:
    """Return the protocol class, and its access to calls beyond ASGI.

    If uvicorn lacks parts that our protocol needs, log a line and return None: then uvicorn's protocol serves plain
    ASGI.
    """
    missing = missing_parts()
    if not missing:
        return protocol.LimitedHttpProtocol, uvicorn_adapter.UvicornTransport()
    _log.warning(
        "uvicorn %s lacks %s: calls are served by plain ASGI, without the limits of Ovenbird on headers",
        uvicorn.__version__,
        ", ".join(missing),
    )
    return None, ServerTransport()


def missing_parts() -> list[str]:
    """Return the parts that our protocol needs and this uvicorn lacks."""
    return [_import_error] if _import_error else uvicorn_adapter.missing_parts()
