from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.disks import disk

from ovenbird.errors import PlatformError
from ovenbird.platform.entities.entity import new_record
from ovenbird.platform.entities.run import start_run
from ovenbird.platform.entities.run_summary import find_run
from ovenbird.platform.keys import parse_key
from ovenbird.platform.local import database
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.store import RecordHints

_NEW = "sql LIKE '%entity (type, %' AND name != 'entity_of_type'"  # the indexes since version 2


def _connect(path: str) -> int:
    connection = database.open_database(Path(path))
    count = connection.execute("SELECT count(*) FROM entity").fetchone()[0]
    connection.close()
    return int(count)


def test_the_database_is_in_wal_mode_and_says_its_version(tmp_path: Path) -> None:
    connection = database.open_database(tmp_path / "ovenbird.db")
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert connection.execute("PRAGMA user_version").fetchone()[0] == database.VERSION
    connection.close()


@pytest.mark.slow
def test_processes_that_start_together_make_one_database(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert pool.map(_connect, [str(tmp_path / "ovenbird.db")] * 8) == [0] * 8


@pytest.mark.parametrize("content", [b"this is no database at all, but a text", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_named_and_can_be_moved_away(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ovenbird.db").write_bytes(content)
    with pytest.raises(PlatformError, match=r"ovenbird\.db") as caught:
        LocalStore(tmp_path)
    assert caught.value.exit_code == 76
    assert "mv " in caught.value.hint


def test_damage_inside_the_file_is_reported_at_reading(tmp_path: Path) -> None:
    path = tmp_path / "ovenbird.db"
    connection = database.open_database(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))
    with pytest.raises(PlatformError, match=r"ovenbird\.db") as caught:
        LocalStore(tmp_path)
    assert "damaged" in caught.value.hint


def test_a_newer_database_is_refused_with_both_versions(tmp_path: Path) -> None:
    path = tmp_path / "ovenbird.db"
    connection = database.open_database(path)
    connection.execute("PRAGMA user_version = 7")
    connection.close()
    with pytest.raises(PlatformError, match=f"version 7, and this one knows {database.VERSION}") as caught:
        LocalStore(tmp_path)
    assert "upgrade" in caught.value.hint


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ovenbird.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (a)")
    other.close()
    with pytest.raises(PlatformError, match="not one of Ovenbird's"):
        LocalStore(tmp_path)


def test_a_home_that_cannot_be_created_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PlatformError, match=r"the local store cannot be used: .*file"):
        LocalStore(tmp_path / "file" / "home")


def test_a_folder_in_place_of_the_database_is_named(tmp_path: Path) -> None:
    """That it is a folder is the hint, as its parent can be written to."""
    (tmp_path / "ovenbird.db").mkdir()
    with pytest.raises(PlatformError, match=r"ovenbird\.db is a folder, and a file of that name is needed"):
        LocalStore(tmp_path).list_projects()


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    opened = database.Database(tmp_path / "ovenbird.db")

    def change(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE extra (a)")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), opened.writing() as connection:
        change(connection)
    with opened.reading() as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'extra'").fetchone()[0] == 0
    opened.close()


class InterruptedConnection(sqlite3.Connection):
    """A connection in whose first transaction Ctrl-C is pressed as soon as it has begun."""

    is_interrupted = False

    def execute(self, sql: str, *rest: Any) -> sqlite3.Cursor:
        cursor = super().execute(sql, *rest)
        if sql.startswith("BEGIN") and not self.is_interrupted:
            self.is_interrupted = True
            signal.raise_signal(signal.SIGINT)
        return cursor


def test_a_signal_right_after_a_transaction_began_leaves_none_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal that raises as soon as BEGIN has returned rolls it back: the end of the run is recorded after it."""
    opened = database.Database(tmp_path / "ovenbird.db")
    with opened.reading():
        pass
    opened.close()
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=InterruptedConnection))
    with pytest.raises(KeyboardInterrupt), opened.writing():
        pass
    with opened.writing() as connection:
        assert connection.execute("SELECT count(*) FROM entity").fetchone() == (0,)
    opened.close()


def test_a_full_disk_is_reported_with_a_hint(tmp_path: Path) -> None:
    with disk(tmp_path / "full", "256k") as folder:
        store = LocalStore(folder)
        store.create(new_record("p", "artifact", "artifact", "a"))
        with pytest.raises(PlatformError, match="full") as caught:
            store.create(new_record("p", "artifact", "artifact", "b", spec={"x": "x" * 500_000}))
        assert "disk is full" in caught.value.hint
        assert [row.name for row in store.list_summaries("artifact")] == ["a"]
        store.close()


def test_a_forked_child_opens_a_connection_of_its_own(tmp_path: Path) -> None:
    opened = database.Database(tmp_path / "ovenbird.db")
    with opened.reading() as mine:
        pass
    child = os.fork()
    if child == 0:
        with opened.reading() as connection:
            os._exit(0 if connection is not mine else 1)
    assert os.waitpid(child, 0)[1] == 0
    opened.close()


def test_a_path_below_home_moves_with_it() -> None:
    record = {"spec": {"path": "/a/home/files/x"}, "status": {"metrics": {"m": 1}, "state": "READY"}}
    text = database.pack_record(record, Path("/a/home"))
    assert database.unpack_record(text, Path("/b")) == {"spec": {"path": "/b/files/x"}, "status": {"state": "READY"}}


def test_a_database_of_version_1_is_brought_up_to_date(tmp_path: Path) -> None:
    """Its runs are found by their names, those with a damaged record included; it is done once."""
    store = LocalStore(tmp_path)
    records = [new_record("p", "run", "python+job:run", "run") for _ in range(3)]
    records[0]["metadata"]["name"] = "nightly"
    for record in records:
        store.create(record)
    store.close()
    connection = sqlite3.connect(store.path)
    for (name,) in connection.execute(f"SELECT name FROM sqlite_master WHERE type = 'index' AND {_NEW}").fetchall():
        connection.execute(f"DROP INDEX {name}")
    connection.execute("ALTER TABLE entity DROP COLUMN title")
    connection.execute("UPDATE body SET text = 'no json' WHERE seq = 2")
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()
    for _ in range(2):
        store = LocalStore(tmp_path)
        found = list(store.iterate_records("run", hints=RecordHints(title="nightly")))
        assert [record["id"] for record in found] == [records[0]["id"]]
        assert len(store.list_summaries("run")) == 3
        store.close()


def test_a_run_of_which_an_older_ovenbird_left_the_name_unknown_is_found(tmp_path: Path) -> None:
    """It has the database open since before it was brought up to date, and writes no names: NULL is read, '' is not."""
    store = LocalStore(tmp_path)
    records = [new_record("p", "run", "python+job:run", "run") for _ in range(3)]
    records[1]["metadata"]["name"] = "nightly"
    for record in records:
        store.create(record)
    connection = sqlite3.connect(store.path)
    assert connection.execute("SELECT title FROM entity ORDER BY seq").fetchall() == [("",), ("nightly",), ("",)]
    connection.execute("UPDATE entity SET title = NULL WHERE seq > 1")
    connection.commit()
    connection.close()
    runs = store.iterate_records("run", hints=RecordHints(title="nightly"))
    assert [record["id"] for record in runs] == [records[2]["id"], records[1]["id"]]
    key = find_run(store, "nightly", None)
    assert key is not None
    assert key.id == records[1]["id"]
    store.close()


def test_tags_outlive_a_save_that_failed(tmp_path: Path) -> None:
    """They are not taken for those of somebody else when the run is saved again."""
    store = LocalStore(tmp_path)
    record = start_run(store, "p", {})
    record.metadata.labels = ["mine"]
    with sqlite3.connect(store.path) as connection:
        connection.execute("CREATE TRIGGER refuse BEFORE UPDATE ON entity BEGIN SELECT RAISE(ABORT, 'refused'); END")
    with pytest.raises(PlatformError, match="refused"):
        record.save(update=True)
    with connection:
        connection.execute("DROP TRIGGER refuse")
    connection.close()
    record.save(update=True)
    assert store.read(parse_key(record.key))["metadata"]["labels"] == ["mine"]
    store.close()
