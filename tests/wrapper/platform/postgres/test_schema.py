"""The tables and their versions."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import psycopg
import pytest
from tests.postgres import PostgresServer, open_database

from ovenbird.errors import PlatformError
from ovenbird.platform.postgres import schema


def _open(url: str, home: str) -> int:
    store = open_database(url, Path(home), patience=30.0)
    count = len(store.list_summaries("run"))
    store.close()
    return count


def test_processes_that_start_together_make_the_tables_once(postgres_server: PostgresServer, tmp_path: Path) -> None:
    """An empty database gets its tables at the first use, in one transaction."""
    url = postgres_server.url(postgres_server.create_database())
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert pool.starmap(_open, [(url, str(tmp_path))] * 3) == [0] * 3
    with psycopg.connect(url) as connection:
        assert schema.read_version(connection) == len(schema.MIGRATIONS)


def test_an_older_schema_is_upgraded_when_asked(postgres_server: PostgresServer, tmp_path: Path) -> None:
    """A run does not change the tables under others: the error names both versions and the command."""
    url = postgres_server.url(postgres_server.create_database())
    with psycopg.connect(url, autocommit=True) as connection:
        assert schema.migrate(connection, schema.MIGRATIONS[:1]) == (0, 1)
        with pytest.raises(PlatformError, match="version 1, and this one needs 2") as caught:
            open_database(url, tmp_path)
        assert "ovenbird store upgrade" in caught.value.hint
        assert schema.migrate(connection, schema.MIGRATIONS) == (1, 2)
        assert schema.migrate(connection, schema.MIGRATIONS) == (2, 2)
        open_database(url, tmp_path).close()
        connection.execute("INSERT INTO ovenbird.schema_version VALUES (7)")
        with pytest.raises(PlatformError, match="version 7, and this one knows 2") as caught:
            open_database(url, tmp_path)
        assert "pip install -U ovenbird" in caught.value.hint


def test_a_step_that_fails_leaves_nothing(postgres_server: PostgresServer) -> None:
    """All steps are one transaction."""
    url = postgres_server.url(postgres_server.create_database())
    with psycopg.connect(url, autocommit=True) as connection:
        with pytest.raises(psycopg.Error):
            schema.migrate(connection, (*schema.MIGRATIONS, "CREATE TABLE ovenbird.entity ()"))
        assert schema.read_version(connection) == 0
        assert connection.execute("SELECT to_regclass('ovenbird.entity')").fetchone() == (None,)
