"""A database, and stores on it as several hosts have them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.postgres import open_database

from ovenbird.platform.postgres.run_owners import Owner, identify_owner
from ovenbird.platform.postgres.store import PostgresStore

OpenHost = Callable[..., PostgresStore]


@pytest.fixture
def open_host(database_url: str, tmp_path: Path) -> Iterator[OpenHost]:
    """Open the store as a process of another host does: its number and its boot mean nothing here.

    Its runs are lost without a sign of life for one second.
    """
    stores: list[PostgresStore] = []

    def open_store(host: str, margin: float = 1.0) -> PostgresStore:
        process = identify_owner().process._replace(boot=f"boot of {host}")
        stores.append(open_database(database_url, tmp_path / host, owner=Owner(process, host), margin=margin))
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()
