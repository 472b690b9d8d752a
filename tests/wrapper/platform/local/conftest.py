"""The tests of the local store run against a database too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.postgres import make_store

from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.postgres.store import PostgresStore


@pytest.fixture(params=["local", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LocalStore | PostgresStore]:
    """An empty store of each kind that keeps what it is given: in a folder, in a database."""
    store = make_store(request, tmp_path)
    yield store
    store.close()
