"""What serves HTTP: our protocol, which knows uvicorn from within, or uvicorn's own where uvicorn has changed."""

from __future__ import annotations

import logging
from typing import Any

import uvicorn

from ..call import ServerTransport

_log = logging.getLogger("ovenbird")
_import_error = ""  # what could not be imported
try:
    from . import protocol, uvicorn_adapter
except (ImportError, AttributeError, TypeError) as error:
    _import_error = str(error)


def choose() -> tuple[Any, ServerTransport]:
    """Return the protocol to serve by, and what it knows of a call.

    Where uvicorn lacks what ours needs, one line is logged and None is returned: uvicorn's own serves, by plain ASGI.
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
    """Return what this uvicorn lacks and ours needs."""
    return [_import_error] if _import_error else uvicorn_adapter.missing_parts()
