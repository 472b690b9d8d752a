"""Open the store that a process uses: DigitalHub Core, or the embedded one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .data_dir import backend_name

if TYPE_CHECKING:
    from .store import EntityStore


def open_store(platform: str, environ: Mapping[str, str], patience: float = 60.0) -> EntityStore:
    """Return the store. Errors: PlatformError, SettingsError."""
    if backend_name(platform, environ) == "core":
        from .core.store import DigitalHubStore

        return DigitalHubStore(environ, patience)
    from .local.store import open_local

    return open_local(environ)
