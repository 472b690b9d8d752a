"""The embedded platform: one SQLite file and a folder of files, safe with several processes at once."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from ...common.named_paths import exists
from ...errors import PlatformError
from ..data_dir import data_dir
from ..keys import EntityKey, run_key
from ..store import (
    COLUMNS,
    FINAL,
    EntitySummary,
    Record,
    RecordHints,
    check_stoppable,
    format_timestamp,
    get_annotations,
    list_run_columns,
)
from ..table_store import TableStore
from . import run_search
from .database import Database, make_title, pack_record, unpack_record
from .run_ownership import Ownership, refuse_owned
from .store_folder import DATABASE, prepare_folder, prepare_log_file, read_lines

_PAGE = 200  # records that are read at once
_NEWER = (
    "SELECT 1 FROM entity AS newer WHERE newer.project = entity.project AND newer.type = entity.type"
    " AND newer.name = entity.name AND newer.seq > entity.seq"
)
_SEQUENCE = "SELECT seq FROM entity WHERE project = ? AND type = ? AND id = ?"


class LocalStore(TableStore):
    """The store in a folder: `ovenbird.db`, `files/`, `logs/`."""

    has_log_files = True
    outlives_forks = True

    def __init__(self, home: str | Path) -> None:
        super().__init__(Path(home).absolute())
        self.path = self.home / DATABASE
        prepare_folder(self.home)
        self._database = Database(self.path)
        self._owned = Ownership(self._database, self.log_file)
        self.reap()

    def create(self, record: Record, *, owned: bool = False) -> None:
        """Add the entity; `owned`: a run of this process, found again as ERROR should the process be killed."""
        status, moment = record["status"], format_timestamp()
        identity = [record[name] for name in ("project", "type", "kind", "name", "id")]
        if owned:
            self._owned.hold(record["project"], record["id"])
            self._annotations[record["id"]] = get_annotations(record)
        with self._database.writing() as connection:
            try:
                sequence = connection.execute(
                    f"INSERT INTO entity ({COLUMNS}, title) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                    (
                        *identity,
                        status.get("state", "CREATED"),
                        moment,
                        moment,
                        *list_run_columns(record),
                        make_title(record),
                    ),
                ).lastrowid
            except sqlite3.IntegrityError:
                raise PlatformError(
                    f"{record['key']} already exists", hint="give another id, or save it with `update=True`"
                ) from None
            connection.execute("INSERT INTO body VALUES (?, ?)", (sequence, pack_record(record, self.home)))
            if owned:
                self._owned.add(connection, sequence)

    def update(self, record: Record) -> str:
        """Replace the entity's body; its state. A run that reached a final state is no longer this process's."""
        state: str = record["status"].get("state", "CREATED")
        current = get_annotations(record)
        with self._database.writing() as connection:
            row = connection.execute(_SEQUENCE, (record["project"], record["type"], record["id"])).fetchone()
            if row is None:
                raise PlatformError(f"{record['key']} is not in {self.path}", hint="it was removed meanwhile")
            if record["id"] in self._annotations:
                text = connection.execute("SELECT text FROM body WHERE seq = ?", row).fetchone()[0]
                record = self._merge_annotations(record, unpack_record(text, self.home))
            connection.execute(
                "UPDATE entity SET state = ?, updated = ?, title = ?, function = ?, started = ?, ended = ?"
                " WHERE seq = ?",
                (state, format_timestamp(), make_title(record), *list_run_columns(record), row[0]),
            )
            connection.execute("UPDATE body SET text = ? WHERE seq = ?", (pack_record(record, self.home), row[0]))
            if state in FINAL:
                connection.execute("DELETE FROM owner WHERE seq = ?", row)
        if record["id"] in self._annotations:
            self._annotations[record["id"]] = current
        if state in FINAL:
            self._owned.release(record["id"])
        return state

    def annotate(self, key: EntityKey, change: Callable[[dict[str, Any]], None]) -> Record:
        """Change an entity's metadata, in one transaction."""
        record = self.read(key)
        with self._database.writing() as connection:
            row = connection.execute(
                "SELECT seq, text FROM entity JOIN body USING (seq) WHERE project = ? AND type = ? AND id = ?",
                (record["project"], record["type"], record["id"]),
            ).fetchone()
            if row is None:
                raise PlatformError(f"{record['key']} is not in {self.path}", hint="it was removed meanwhile")
            record = unpack_record(row[1], self.home)
            change(record["metadata"])
            columns = (make_title(record), format_timestamp(), row[0])
            connection.execute("UPDATE entity SET title = ?, updated = ? WHERE seq = ?", columns)
            connection.execute("UPDATE body SET text = ? WHERE seq = ?", (pack_record(record, self.home), row[0]))
        return record

    def iterate_records(
        self,
        entity_type: str,
        *,
        project: str | None = None,
        state: str | None = None,
        name: str | None = None,
        versions: bool = True,  # noqa: ARG002  # it is as quick to read all
        hints: RecordHints | None = None,
    ) -> Iterator[Record]:
        """Yield whole entities, newest first, page by page."""
        last = 2**63 - 1
        filters = {"type": entity_type, "project": project, "state": state, "name": name}
        conditions = {f"{column} = ?": [value] for column, value in filters.items() if value is not None}
        if hints is not None:
            with self._database.reading() as connection:
                conditions |= run_search.make_conditions(connection, hints)
        where = " AND ".join([*conditions, "seq < ?"])
        query = (
            f"SELECT seq, text, {COLUMNS} FROM entity JOIN body USING (seq) WHERE {where}"  # noqa: S608
            " ORDER BY seq DESC LIMIT ?"
        )
        while True:
            with self._database.reading() as connection:
                rows = connection.execute(query, (*chain.from_iterable(conditions.values()), last, _PAGE)).fetchall()
            for last, text, *columns in rows:  # noqa: B007  # the page after this one begins below it
                try:
                    yield unpack_record(text, self.home)
                except PlatformError:  # a damaged record hides no other
                    from ..entity_rows import make_bare_record

                    yield make_bare_record(EntitySummary._make(columns))
            if len(rows) < _PAGE:
                return

    def list_last_metrics(self, keys: Sequence[EntityKey]) -> list[dict[str, float]]:
        """Return the last number of each metric of several entities."""
        with self._database.reading() as connection:
            return run_search.list_last_metrics(connection, keys)

    def read(self, key: EntityKey) -> Record:
        """Return the entity, or the latest of its name; InputError names the part of the key that does not exist."""
        where, values = "project = ? AND type = ?", [key.project, key.type]
        for column in ("id",) if key.type == "run" and key.id else ("kind", "name", "id"):
            if value := getattr(key, column):
                where += f" AND {column} = ?"
                values.append(value)
        with self._database.reading() as connection:
            row = connection.execute(
                f"SELECT seq, text FROM entity JOIN body USING (seq) WHERE {where}"  # noqa: S608
                # A version whose upload failed or has not ended does not hide the one before it.
                " ORDER BY state IN ('CREATED', 'UPLOADING', 'ERROR'), seq DESC LIMIT 1",
                values,
            ).fetchone()
            if row is None:
                from ..entity_rows import describe_missing

                raise describe_missing(key, self._list_values)
            record = unpack_record(row[1], self.home)
            query = "SELECT name, step, value FROM metric WHERE seq = ? ORDER BY name, step"
            numbers = connection.execute(query, row[:1]).fetchall()
        if numbers:
            from ..entity_rows import make_series

            record["status"]["metrics"] = make_series((name, step, (value,)) for name, step, value in numbers)
        return record

    def _list_values(self, column: str, filters: Mapping[str, str]) -> list[str]:
        where = " AND ".join(["1", *(f"{name} = ?" for name in filters)])
        query = f"SELECT {column} FROM entity WHERE {where} GROUP BY {column} ORDER BY max(seq) DESC LIMIT 20"  # noqa: S608
        with self._database.reading() as connection:
            return [row[0] for row in connection.execute(query, tuple(filters.values()))]

    def read_state(self, key: EntityKey) -> str:
        """Return the current state of the run. Errors: InputError if it does not exist."""
        query = "SELECT state FROM entity WHERE project = ? AND type = ? AND id = ?"
        with self._database.reading() as connection:
            row = connection.execute(query, (key.project, key.type, key.id)).fetchone()
        return str(row[0] if row else self.read(key)["status"]["state"])

    def list_summaries(
        self,
        entity_type: str,
        *,
        project: str | None = None,
        name: str | None = None,
        kind: str | None = None,
        state: str | None = None,
        function: str | None = None,
        identity: str | None = None,
        versions: bool = True,
        limit: int | None = None,
    ) -> list[EntitySummary]:
        """Return entities of a type, newest first, without their bodies."""
        filters = {"project": project, "name": name, "kind": kind, "state": state, "function": function}
        columns = {column: value for column, value in filters.items() if value is not None}
        where = " AND ".join(["type = ?", *(f"{column} = ?" for column in columns)])
        values: list[str | int] = [entity_type, *columns.values()]
        if identity is not None:
            where += " AND seq IN (SELECT seq FROM entity WHERE type = ? AND id >= ? AND id < ?)"
            values += [entity_type, identity, identity + "\U0010ffff"]
        if not versions and not {"kind", "state", "function"} & set(columns) and identity is None:
            where += f" AND NOT EXISTS ({_NEWER})"  # ends at the limit, where a grouping reads all names
        elif not versions:
            where = f"seq IN (SELECT max(seq) FROM entity WHERE {where} GROUP BY project, name)"  # noqa: S608
        query = f"SELECT {COLUMNS} FROM entity WHERE {where} ORDER BY seq DESC LIMIT ?"  # noqa: S608
        with self._database.reading() as connection:
            rows = connection.execute(query, (*values, -1 if limit is None else limit))
            return list(map(EntitySummary._make, rows))

    def check_removable(self, key: EntityKey) -> None:
        """Raise PlatformError for a run that a living process owns."""
        record = self.read(key)
        with self._database.reading() as connection:
            refuse_owned(connection, (record["project"], record["type"], record["id"]), key)

    def remove(self, key: EntityKey) -> None:
        """Forget one version; PlatformError while it is a run that a living process owns."""
        record = self.read(key)
        of = (record["project"], record["type"], record["id"])
        with self._database.writing() as connection:
            refuse_owned(connection, of, key)
            connection.execute("DELETE FROM entity WHERE project = ? AND type = ? AND id = ?", of)
        if record["type"] == "run":
            self.log_file(record["project"], record["id"]).unlink(missing_ok=True)

    def flush_metrics(self) -> dict[str, dict[str, Any]]:
        """Return nothing: each metric is written when it is logged."""
        return {}

    def append_metrics(
        self, key: EntityKey, values: Mapping[str, Sequence[float]], *, replace: bool, single: bool
    ) -> None:
        """Add numbers to the series of an entity; SQLite has no NaN, so NULL stands for it."""
        moment = time.time()
        with self._database.writing() as connection:
            row = connection.execute(_SEQUENCE, (key.project, key.type, key.id)).fetchone()
            if row is None:
                raise PlatformError(f"{key} is not in {self.path}, so it takes no metrics", hint="save it first")
            for name, numbers in values.items():
                last = None
                if replace:
                    connection.execute("DELETE FROM metric WHERE seq = ? AND name = ?", (row[0], name))
                else:
                    newest = "SELECT max(step) FROM metric WHERE seq = ? AND name = ?"
                    last = connection.execute(newest, (row[0], name)).fetchone()[0]
                if last is None:  # a single number has step 0 and is alone, a series counts from 1
                    last = -1 if single else 0
                rows = ((row[0], name, step, number, moment) for step, number in enumerate(numbers, last + 1))
                connection.executemany("INSERT OR REPLACE INTO metric VALUES (?, ?, ?, ?, ?)", rows)

    def stop(self, key: EntityKey) -> None:
        """Send SIGTERM to the process of a run. PlatformError where it cannot be reached from here."""
        record = self.read(key)
        check_stoppable(record)
        self._owned.terminate(record["project"], record["id"])

    def read_secret(self, project: str, name: str) -> str | None:
        """Return the value of a secret, from its file."""
        from . import secrets

        return secrets.read_value(self.home, project, name)

    def write_secret(self, project: str, name: str, value: str | None) -> None:
        """Keep the value of a secret in a file that only its owner may read."""
        from . import secrets

        secrets.write_value(self.home, project, name, value)

    def location(self) -> str:
        """Return the folder."""
        return str(self.home)

    def limit_waits(self) -> None:
        """Do nothing: this store has no long waits."""

    def log_file(self, project: str, identity: str) -> Path:
        """Return the file that takes the log of a run; its folder exists."""
        return prepare_log_file(self.home, project, identity)

    def flush_log(self, project: str, identity: str) -> None:
        """Do nothing: the log is written as it comes."""

    def log_lines(self, project: str, identity: str) -> Iterator[str]:
        """Yield the lines of a run's log so far; none for a run that has logged nothing."""
        self.read(run_key(project, identity))
        path = self.log_file(project, identity)
        return read_lines(path) if exists(path) else iter(())

    def reap(self) -> list[str]:
        """Record every run whose process has ended as ERROR, and return the keys of those runs."""
        return self._owned.reap() if exists(self.path) else []

    def close(self) -> None:
        """Close the database and let go of the runs of this process."""
        self._owned.release_all()
        self._database.close()


def open_local(environ: Mapping[str, str]) -> LocalStore:
    """Return the local store of OVENBIRD_HOME, else of `.ovenbird` in the current folder.

    Where that cannot be written, as a source that is mounted read-only, OVENBIRD_SPARE_HOME takes its place; the base
    images name one.
    """
    folder = data_dir(environ)
    if environ.get("OVENBIRD_HOME") or folder != environ.get("OVENBIRD_SPARE_HOME"):
        return LocalStore(folder)
    import logging  # an empty run has no use for it

    logging.getLogger("ovenbird").warning(
        "%s cannot be written: what is recorded goes to %s and ends with this container; `OVENBIRD_HOME` names another",
        Path(".ovenbird").absolute(), folder,
    )  # fmt: skip
    return LocalStore(folder)
