"""Which store a process uses: DigitalHub Core, or the embedded one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .store import Store


def chosen(platform: str, environ: Mapping[str, str]) -> str:
    """`core` or `local` for what was asked: `auto`, or nothing, is core where DHCORE_ENDPOINT is set."""
    if platform in ("", "auto"):
        return "core" if environ.get("DHCORE_ENDPOINT") else "local"
    return platform


def open_store(platform: str, environ: Mapping[str, str], patience: float = 60.0) -> Store:
    """The store. Errors: PlatformError, SettingsError."""
    if chosen(platform, environ) == "core":
        from .core import CoreStore

        return CoreStore(environ, patience)
    from .local import open_local

    return open_local(environ)
