"""Metrics whose commit was not confirmed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.postgres import open_database
from tests.wrapper.platform.postgres.conftest import LossyNetwork

from ovenbird.errors import PlatformError
from ovenbird.platform.entities import run
from ovenbird.platform.keys import parse_key
from ovenbird.platform.postgres.database import Database
from ovenbird.platform.postgres.metric_buffer import MetricBuffer
from ovenbird.platform.postgres.store import PostgresStore


@pytest.fixture
def store(database_url: str, tmp_path: Path) -> Iterator[PostgresStore]:
    """The store in the shared database."""
    store = open_database(database_url, tmp_path)
    yield store
    store.close()


@pytest.mark.parametrize("is_delivered", [True, False], ids=["committed", "lost"])
def test_metrics_are_written_once(
    store: PostgresStore, distant: Database, network: LossyNetwork, is_delivered: bool
) -> None:
    """Whether a lost commit arrived is looked for before its numbers, and what came later, are written."""
    record = run.start_run(store, "p", {})
    sequence, buffer = store._sequences["p", "run", record.id], MetricBuffer(distant)
    network.is_lossy, network.is_delivered = True, is_delivered
    for number in (1.0, 2.0):
        buffer.add(sequence, {"loss": [number]}, replace=False, single=False)
        with pytest.raises(PlatformError):
            buffer.flush(patience=0)
    network.is_lossy = False
    buffer.flush()
    buffer.flush()
    assert store.read(parse_key(record.key))["status"]["metrics"] == {"loss": [1.0, 2.0]}


def test_metrics_that_may_be_lost_are_given_back(
    store: PostgresStore, distant: Database, network: LossyNetwork
) -> None:
    """Who keeps elsewhere what the database did not take gets what was not confirmed too, in its order."""
    record = run.start_run(store, "p", {})
    sequence, buffer = store._sequences["p", "run", record.id], MetricBuffer(distant)
    network.is_lossy = True
    for number in (1.0, 2.0):
        buffer.add(sequence, {"loss": [number]}, replace=False, single=False)
        with pytest.raises(PlatformError):
            buffer.flush(patience=0)
    assert buffer.drop(sequence) == {"loss": [1.0, 2.0]}
    assert buffer.drop(sequence) == {}
