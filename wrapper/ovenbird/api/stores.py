"""The stores that this process has open: one for each place, which all runs and threads share."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Mapping
from pathlib import Path

from ..platform.data_dir import backend_name, data_dir
from ..platform.entities.run import Run
from ..platform.keys import parse_key
from ..platform.store import EntityStore
from ..platform.store_factory import open_store
from ..settings import Settings

_PlaceKey = tuple[object, ...]
_open_stores: dict[_PlaceKey, EntityStore] = {}
_lock = threading.Lock()


def open_shared_store(settings: Settings, environ: Mapping[str, str]) -> EntityStore:
    """Return the store that the settings and the variables name. Errors: PlatformError, SettingsError."""
    key = _make_key(settings, environ)
    with _lock:
        store = _open_stores.get(key)
        if store is None or not _is_there(key):
            store = _open_stores[key] = open_store(settings.platform, environ, settings.platform_patience)
            atexit.register(_close, store, os.getpid())
        return store


def read_run(store: EntityStore, key: str, environ: Mapping[str, str]) -> Run:
    """Return a run that this process has started, as it is recorded now. Errors: InputError, PlatformError."""
    run = Run(store, store.read(parse_key(key)), environ)
    run.is_own = True
    return run


def _make_key(settings: Settings, environ: Mapping[str, str]) -> _PlaceKey:
    """Return what tells one store from another; a forked child has stores of its own."""
    backend = backend_name(settings.platform, environ)
    if backend == "local":
        return os.getpid(), backend, str(Path(data_dir(environ)).absolute())
    return (
        os.getpid(),
        backend,
        *sorted(item for item in environ.items() if item[0].startswith(("DHCORE_", "OVENBIRD_STORE"))),
    )


def _is_there(key: _PlaceKey) -> bool:
    """Return whether the folder of a local store still exists; another one is made in its place otherwise."""
    return key[1] != "local" or Path(str(key[2]), "ovenbird.db").exists()


def _close(store: EntityStore, owner: int) -> None:
    if os.getpid() == owner:
        store.close()


def _renew_lock() -> None:
    global _lock  # noqa: PLW0603  # another thread of the parent may have held it
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)
