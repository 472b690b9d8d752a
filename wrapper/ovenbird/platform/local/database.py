"""The SQLite file of the local store: open it, check it, and create it the first time."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from ...common.named_paths import describe_broken_link, is_folder
from ...common.private_files import make_private_file
from ...common.text import show_value
from ...errors import PlatformError
from ..data_dir import LINK_HINT
from ..entities.json_values import encode_json
from ..store import Record, get_title

VERSION = 2
_APPLICATION = 0x4F56454E  # "OVEN": tells a database of ours from any other SQLite file
_HOME = "${home}"  # stands for the store's folder in recorded paths, so that it can be moved or mounted elsewhere
_NO_CHECKPOINT_ON_CLOSE = 1006  # SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE; writers fold the log in as it grows
_PATIENCE = 30.0  # seconds a writer waits for another writer

# `entity` is what listings read, so it holds no bodies; `body` is read one entity at a time.
_TABLES = """
CREATE TABLE entity (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    project TEXT NOT NULL, type TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, id TEXT NOT NULL,
    state TEXT NOT NULL, created TEXT NOT NULL, updated TEXT NOT NULL,
    function TEXT, started TEXT, ended TEXT, title TEXT,
    UNIQUE (project, type, id)
);
CREATE INDEX entity_of_name ON entity (project, type, name, seq);
CREATE INDEX entity_of_type ON entity (type, seq);
CREATE TABLE body (seq INTEGER PRIMARY KEY REFERENCES entity (seq) ON DELETE CASCADE, text BLOB NOT NULL);
CREATE TABLE metric (
    seq INTEGER NOT NULL REFERENCES entity (seq) ON DELETE CASCADE,
    name TEXT NOT NULL, step INTEGER NOT NULL, value REAL, at REAL NOT NULL,
    PRIMARY KEY (seq, name, step)
) WITHOUT ROWID;
CREATE TABLE owner (
    seq INTEGER PRIMARY KEY REFERENCES entity (seq) ON DELETE CASCADE,
    pid INTEGER NOT NULL, start INTEGER NOT NULL, boot TEXT NOT NULL, namespace TEXT NOT NULL
);
"""
# since version 2: `title` is the name that a run has in its metadata, '' if it has none; NULL is not known: a process
# of an older Ovenbird, which had the database open before, writes no titles
_INDEXES = """
CREATE INDEX entity_of_project ON entity (type, project, seq);
CREATE INDEX entity_of_state ON entity (type, state, seq);
CREATE INDEX entity_of_function ON entity (type, function, seq) WHERE function IS NOT NULL;
CREATE INDEX entity_of_start ON entity (type, coalesce(started, created));
CREATE INDEX entity_of_id ON entity (type, id);
CREATE INDEX entity_of_title ON entity (type, title, seq);
"""


@contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Turn errors of SQLite or the disk about the file at `path` into a PlatformError with a hint."""
    try:
        yield
    except sqlite3.Error as error:
        refuse_broken_link(path)
        raise PlatformError(
            f"the database {path} cannot be used: {error}", hint=_suggest_fix(str(error), path)
        ) from error
    except OSError as error:
        refuse_broken_link(path)
        reason = error.strerror or error
        raise PlatformError(
            f"the local store cannot be used: {error.filename or path}: {reason}", hint=_suggest_fix(str(error), path)
        ) from error


def refuse_broken_link(path: Path) -> None:
    """Raise PlatformError for a path that is, or lies below, a link which leads nowhere.

    Its folder is not made: it may be one of a disk that is not mounted, which would hide what is recorded meanwhile.
    """
    if link := describe_broken_link(path):
        raise PlatformError(f"the local store cannot be used: {link}", hint=LINK_HINT)


def _suggest_fix(message: str, path: Path) -> str:
    message = message.lower()
    if "malformed" in message or "not a database" in message or "corrupt" in message:
        return f"it is damaged; `mv {path} {path}.broken` starts a new one; the files next to it stay as they are"
    if "full" in message or "no space" in message or "quota" in message:
        return "the disk is full; free some space, or set `OVENBIRD_HOME` to a folder on another disk"
    if "locked" in message:
        return f"another process has held it for {_PATIENCE:g} s; see which with `fuser {path}`"
    if is_folder(path):
        return f"{path} is a folder, and a file of that name is needed: move it away, or set `OVENBIRD_HOME`"
    if "file exists" in message or "not a directory" in message:
        return "`OVENBIRD_HOME` names a folder, which is made where it is missing"
    if "read-only" in message or "readonly" in message or "unable to open" in message or "permission" in message:
        return "the folder must be writable; set `OVENBIRD_HOME` to one that is"
    return "it must lie on a local disk (not NFS) that this user may write to; `OVENBIRD_HOME` chooses the folder"


def open_database(path: Path) -> sqlite3.Connection:
    """Return a connection to the database at `path`, which is created if it does not exist.

    Every thread of the process may use it, one at a time. PlatformError: damaged, newer, or not ours.
    """
    with translate_errors(path):
        make_private_file(path)  # what SQLite puts beside it has the same mode
        connection = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
        try:
            if (version := _read_version(connection, path)) == 0:
                _make_tables(connection, path)
            elif version < VERSION:
                _migrate_tables(connection, path)
            connection.execute("PRAGMA foreign_keys = ON")
            # In WAL mode NORMAL keeps the file whole whatever happens, and every commit across the death of the
            # process; what a power cut may lose is the last commits. A commit then costs no fsync.
            connection.execute("PRAGMA synchronous = NORMAL")
            if hasattr(connection, "setconfig"):  # the end of a job then waits for no fsync
                connection.setconfig(_NO_CHECKPOINT_ON_CLOSE, True)
        except BaseException:
            connection.close()
            raise
    return connection


def _read_version(connection: sqlite3.Connection, path: Path) -> int:
    """Return the schema's version, 0 for an empty file; PlatformError when this code cannot use the file."""
    # the mark of ours is read last: another process may be making the file, and commits all three at once
    filled = connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    application = int(connection.execute("PRAGMA application_id").fetchone()[0])
    if application != _APPLICATION and (version or filled):
        raise PlatformError(
            f"{path} is a SQLite database, but not one of Ovenbird's",
            hint="set `OVENBIRD_HOME` to another folder, or move the file away",
        )
    if version > VERSION:
        raise PlatformError(
            f"{path} was made by a newer Ovenbird: its schema is version {version}, and this one knows {VERSION}",
            hint="upgrade with `pip install -U ovenbird`, or set `OVENBIRD_HOME` to another folder",
        )
    return version


def _make_tables(connection: sqlite3.Connection, path: Path) -> None:
    """Create the tables once, even if several processes start at the same time."""
    lock_path = path.with_name(path.name + ".lock")
    make_private_file(lock_path)
    with lock_path.open("w") as lock:
        # SQLite answers "locked" at once, without waiting, when two processes change the journal mode together.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _read_version(connection, path):
            return
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(
            f"BEGIN; {_TABLES} {_INDEXES} PRAGMA application_id = {_APPLICATION};"
            f" PRAGMA user_version = {VERSION}; COMMIT;"
        )


def _migrate_tables(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the tables of version 1 up to date, once; another process that writes is waited for."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        if _read_version(connection, path) == 1:
            connection.execute("ALTER TABLE entity ADD COLUMN title TEXT")
            connection.execute("UPDATE entity SET title = ''")
            rows = connection.execute("SELECT seq, text FROM entity JOIN body USING (seq) WHERE type = 'run'")
            titles = [(title, seq) for seq, text in rows if (title := _read_title(text))]
            connection.executemany("UPDATE entity SET title = ? WHERE seq = ?", titles)
            for statement in filter(str.strip, _INDEXES.split(";")):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _read_title(text: bytes) -> str:
    try:
        return make_title(msgspec.json.decode(text))
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):  # a damaged record has none
        return ""


def make_title(record: Record) -> str:
    """Return the name that a run has in its metadata as its column holds it."""
    return get_title(record) or ""


class Database:
    """The connection of this process: one thread at a time, one transaction at a time, opened when first needed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._pid = 0

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection to read from."""
        with self._lock, translate_errors(self.path):
            if self._connection is None or self._pid != os.getpid():  # SQLite's handles do not survive a fork
                self._connection, self._pid = open_database(self.path), os.getpid()
            yield self._connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield one transaction; it waits for its turn before it reads, and is rolled back when it fails."""
        with self.reading() as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")  # in the block: a signal may raise as soon as it returns
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        with self._lock:
            if self._connection is not None and self._pid == os.getpid():
                self._connection.close()
            self._connection = None


def pack_record(record: Record, home: Path) -> bytes:
    """Return the body as it is stored: without metrics, which have a table, and with paths relative to `home`."""
    status = {name: value for name, value in record["status"].items() if name != "metrics"}
    body = {**record, "status": status}
    path = record["spec"].get("path")
    if isinstance(path, str) and path.startswith(f"{home}/"):
        body["spec"] = {**record["spec"], "path": _HOME + path[len(str(home)) :]}
    return encode_json(body)


def unpack_record(text: bytes, home: Path) -> Record:
    """Return the body as it was given to `pack_record`, without metrics."""
    try:
        record: Record = msgspec.json.decode(text, type=dict[str, Any])
        path = record["spec"].get("path")
    except (ValueError, RecursionError, KeyError, AttributeError):
        raise PlatformError(
            f"a record in {show_value(str(home))} is damaged: it is not a JSON object with a spec",
            hint="`ovenbird runs rm`, or the like for its type, removes it",
        ) from None
    if isinstance(path, str) and path.startswith(_HOME):
        record["spec"]["path"] = str(home) + path[len(_HOME) :]
    return record
