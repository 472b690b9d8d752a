"""Open the store that a process uses: DigitalHub Core, a PostgreSQL database, or the embedded one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from .data_dir import backend_name

if TYPE_CHECKING:
    from .store import EntityStore


def open_store(platform: str, environ: Mapping[str, str], patience: float = 60.0) -> EntityStore:
    """Return the store. Errors: PlatformError, SettingsError."""
    return _OPENERS[backend_name(platform, environ)](environ, patience)


def _open_core(environ: Mapping[str, str], patience: float) -> EntityStore:
    from .core.store import DigitalHubStore

    return DigitalHubStore(environ, patience)


def _open_postgres(environ: Mapping[str, str], patience: float) -> EntityStore:
    from .postgres.store import open_postgres

    return open_postgres(environ, patience)


def _open_local(environ: Mapping[str, str], _: float) -> EntityStore:
    from .local.store import open_local

    return open_local(environ)


_OPENERS: dict[str, Callable[[Mapping[str, str], float], EntityStore]] = {
    "core": _open_core,
    "postgres": _open_postgres,
    "local": _open_local,
}
