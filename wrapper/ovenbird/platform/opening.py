"""Open the store that a process uses: DigitalHub Core, or the embedded one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .data_dir import chosen

if TYPE_CHECKING:
    from .store import Store


def open_store(platform: str, environ: Mapping[str, str], patience: float = 60.0) -> Store:
    """The store. Errors: PlatformError, SettingsError."""
    if chosen(platform, environ) == "core":
        from .core import CoreStore

        return CoreStore(environ, patience)
    from .local import open_local

    return open_local(environ)
