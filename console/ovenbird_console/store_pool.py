"""Stores for requests, which run on threads: each borrows one and gives it back."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from ovenbird.errors import OvenbirdError
from ovenbird.platform.store import EntityStore
from ovenbird.platform.store_factory import open_store

_IDLE = 4  # stores that are kept open for the next requests
_PATIENCE = 5.0  # seconds that a request waits for a platform that does not answer


class StorePool:
    """Opens stores as they are needed. A store serves one request at a time."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._lock = threading.Lock()
        self._idle: list[tuple[EntityStore, object]] = []

    @contextmanager
    def borrow(self) -> Iterator[EntityStore]:
        """Yield a store for one request. Errors: PlatformError, SettingsError."""
        store = self._take() or open_store(self._platform, self._environ, _PATIENCE)
        try:
            yield store
        except BaseException:
            with suppress(OvenbirdError):
                store.close()
            raise
        self._give_back(store)

    def close(self) -> None:
        """Close the stores that are idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for store, _ in idle:
            with suppress(OvenbirdError):
                store.close()

    @property
    def _platform(self) -> str:
        return self._environ.get("OVENBIRD_PLATFORM", "")

    def _take(self) -> EntityStore | None:
        """Return an idle store; one whose database was removed or replaced is closed."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                store, mark = self._idle.pop()
            if mark == _mark_database(store):
                return store
            with suppress(OvenbirdError):
                store.close()

    def _give_back(self, store: EntityStore) -> None:
        with self._lock:
            if len(self._idle) < _IDLE:
                self._idle.append((store, _mark_database(store)))
                return
        store.close()


def _mark_database(store: EntityStore) -> object:
    """Return what changes when the database file of a local store is removed or replaced; None for other stores."""
    path = getattr(store, "path", None)
    if not isinstance(path, Path):
        return None
    try:
        status = path.stat()
    except OSError:
        return "missing"
    return status.st_dev, status.st_ino
