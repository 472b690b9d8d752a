"""A stub of `nuclio_sdk`, for hints and for `Response`, where the real package is absent."""

from __future__ import annotations

from typing import Any

from ..function.decorator import ImportStub


def install_sdk_stub() -> None:
    """Make `import nuclio_sdk` work where that package is not installed."""
    _STAND_IN.install()


def _stub_names() -> dict[str, Any]:
    from ..function.nuclio_sdk_stub import Response, raise_absent
    from .context import BoundLogger, NuclioPlatform, ProcessorContext
    from .event import Event

    return {
        "Context": ProcessorContext,
        "Event": Event,
        "Logger": BoundLogger,
        "Platform": NuclioPlatform,
        "Response": Response,
        "__getattr__": raise_absent,
    }


_STAND_IN = ImportStub("nuclio_sdk", _stub_names)
