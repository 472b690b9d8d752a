"""The store in a PostgreSQL database, which processes on any number of hosts share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import PlatformError
from ..data_dir import data_dir
from ..entity_rows import describe_missing, make_bare_record, make_series
from ..keys import EntityKey, check_id, check_name, run_key
from ..store import (
    COLUMNS,
    FINAL,
    EntitySummary,
    Record,
    RecordHints,
    check_stoppable,
    get_annotations,
)
from ..table_store import TableStore
from . import entity_table
from .database import Database
from .database_url import DatabaseUrl, parse_database_url
from .heartbeat import Heartbeat
from .metric_buffer import MetricBuffer
from .records import pack_record, unpack_record
from .run_logs import LogSpool, read_chunks, split_lines
from .run_owners import MARGIN, Owner, RunOwners, identify_owner
from .run_search import list_last_metrics, make_condition, make_hint_condition

if TYPE_CHECKING:
    from .database import Cursor

_PAGE = 200  # records that are read at once
_HURRY = 3.0  # seconds of attempts in a process that is about to be killed


class PostgresStore(TableStore):
    """The store in a database; files lie elsewhere, in `home` unless something else is asked for."""

    outlives_forks = False
    has_log_files = False  # each process sends what it has written into a file of its own

    def __init__(
        self,
        url: DatabaseUrl,
        home: str | Path,
        *,
        patience: float = 60.0,
        owner: Owner | None = None,
        margin: float = MARGIN,
    ) -> None:
        super().__init__(Path(home).absolute())
        self._database = Database(url, patience)
        self._owners = RunOwners(self._database, owner or identify_owner(), margin)
        self._heartbeat = Heartbeat(self._owners, self._write_pending)
        self._metrics = MetricBuffer(self._database)
        self._spools: dict[str, LogSpool] = {}  # by the ids of this process's runs
        self._sequences: dict[tuple[str, str, str], int] = {}  # of entities that took metrics, and of runs
        self.reap()

    def create(self, record: Record, *, owned: bool = False) -> None:
        """Add the entity; `owned`: a run of this process, found again as ERROR should the process be killed."""
        columns, text = entity_table.list_columns(record), pack_record(record)

        def work(cursor: Cursor) -> int:
            sequence = entity_table.insert_entity(cursor, columns, text)
            if sequence is None:
                raise PlatformError(
                    f"{record['key']} already exists", hint="give another id, or save it with `update=True`"
                )
            if owned:
                self._owners.add(cursor, sequence)
            return sequence

        sequence = self._database.write(work)
        if owned:
            self._annotations[record["id"]] = get_annotations(record)
            self._sequences[record["project"], "run", record["id"]] = sequence
            self._heartbeat.add(sequence)

    def update(self, record: Record) -> str:
        """Replace the entity's body; its state. A run that reached a final state is no longer this process's."""
        state: str = record["status"].get("state", "CREATED")
        of = (record["project"], record["type"], record["id"])
        if state in FINAL and record["id"] in self._spools:
            self.flush_log(record["project"], record["id"])  # who follows the log reads to the end when the run ends
        current = get_annotations(record)

        def work(cursor: Cursor) -> int:
            sequence = entity_table.find_sequence(cursor, of, "FOR NO KEY UPDATE")
            if sequence is None:
                raise self._describe_removed(record["key"])
            merged = record
            if record["id"] in self._annotations:
                merged = self._merge_annotations(record, self._unpack(entity_table.read_text(cursor, sequence)))
            entity_table.update_entity(cursor, sequence, merged)
            if state in FINAL:
                cursor.execute("DELETE FROM ovenbird.owner WHERE seq = %s", (sequence,))
            return sequence

        sequence = self._database.write(work)
        if record["id"] in self._annotations:
            self._annotations[record["id"]] = current
        if state in FINAL:
            self._heartbeat.remove(sequence)
        return state

    def annotate(self, key: EntityKey, change: Callable[[dict[str, Any]], None]) -> Record:
        """Change an entity's metadata, in one transaction."""
        found = self.read(key)

        def work(cursor: Cursor) -> Record:
            row = entity_table.read_for_update(cursor, (found["project"], found["type"], found["id"]))
            if row is None:
                raise self._describe_removed(found["key"])
            record = self._unpack(row[1])
            change(record["metadata"])
            entity_table.update_metadata(cursor, row[0], record)
            return record

        return self._database.write(work)

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
        where, values = make_condition({"type": entity_type, "project": project, "state": state, "name": name})
        looked_for, further = make_hint_condition(hints)
        where, values = f"{where} AND {looked_for}", values + further
        query = (
            f"SELECT seq, text, {COLUMNS} FROM {entity_table.JOINED} WHERE {where} AND seq < %s"
            f" ORDER BY seq DESC LIMIT {_PAGE}"
        ).encode()
        while True:

            def work(cursor: Cursor, below: int = last) -> list[tuple[Any, ...]]:
                return cursor.execute(query, (*values, below)).fetchall()

            rows = self._database.read(work)
            for last, text, *columns in rows:  # noqa: B007  # the page after this one begins below it
                try:
                    yield self._unpack(text)
                except PlatformError:  # a damaged record hides no other
                    yield make_bare_record(EntitySummary._make(columns))
            if len(rows) < _PAGE:
                return

    def list_last_metrics(self, keys: Sequence[EntityKey]) -> list[dict[str, float]]:
        """Return the last number of each metric of several entities."""
        self._metrics.flush()
        return self._database.read(lambda cursor: list_last_metrics(cursor, keys))

    def read(self, key: EntityKey) -> Record:
        """Return the entity, or the latest of its name; InputError names the part of the key that does not exist."""
        self._metrics.flush()

        def work(cursor: Cursor) -> tuple[Record, list[tuple[Any, ...]]] | None:
            row = entity_table.read_latest(cursor, key)
            return (self._unpack(row[0]), row[1]) if row else None

        found = self._database.read(work)
        if found is None:
            raise describe_missing(key, self._list_values)
        record, rows = found
        if rows:
            record["status"]["metrics"] = make_series(rows)
        return record

    def _list_values(self, column: str, filters: Mapping[str, str]) -> list[str]:
        return self._database.read(lambda cursor: entity_table.list_values(cursor, column, filters))

    def read_state(self, key: EntityKey) -> str:
        """Return the current state of the run. Errors: InputError if it does not exist."""
        of = (key.project, key.type, key.id)
        query = "SELECT state FROM ovenbird.entity WHERE project = %s AND type = %s AND id = %s"
        row = self._database.read(lambda cursor: cursor.execute(query, of).fetchone())
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
        where, values = make_condition({"type": entity_type, **filters})
        if identity is not None:
            where += " AND id >= %s AND id < %s"
            values += [identity, identity + "\U0010ffff"]
        if not versions:
            where = f"seq IN (SELECT max(seq) FROM ovenbird.entity WHERE {where} GROUP BY project, name)"
        query = f"SELECT {COLUMNS} FROM ovenbird.entity WHERE {where} ORDER BY seq DESC LIMIT %s".encode()
        rows = self._database.read(lambda cursor: cursor.execute(query, (*values, limit)).fetchall())
        return list(map(EntitySummary._make, rows))

    def check_removable(self, key: EntityKey) -> None:
        """Raise PlatformError for a run that a living process owns."""
        record = self.read(key)
        of = (record["project"], record["type"], record["id"])
        self._database.read(lambda cursor: self._refuse_owned(cursor, of, key))

    def _refuse_owned(self, cursor: Cursor, of: entity_table.Identity, key: EntityKey) -> int | None:
        """Return the number of an entity's row, None if it is gone. PlatformError for a run that a process owns."""
        sequence = entity_table.find_sequence(cursor, of, "FOR UPDATE")
        if sequence is not None and (owner := self._owners.find(cursor, sequence)):
            raise PlatformError(f"{key} is still running, in {owner}", hint="stop it first")
        return sequence

    def remove(self, key: EntityKey) -> None:
        """Forget one version, its metrics and its log; PlatformError while it is a run that a living process owns."""
        record = self.read(key)

        def work(cursor: Cursor) -> None:
            sequence = self._refuse_owned(cursor, (record["project"], record["type"], record["id"]), key)
            cursor.execute("DELETE FROM ovenbird.entity WHERE seq = %s", (sequence,))

        self._database.write(work)
        self._sequences.pop((record["project"], record["type"], record["id"]), None)

    def append_metrics(
        self, key: EntityKey, values: Mapping[str, Sequence[float]], *, replace: bool, single: bool
    ) -> None:
        """Add numbers to the series of an entity; in a process that owns runs they are written a little later."""
        sequence = self._find_sequence(key)
        if sequence is None:
            raise PlatformError(f"{key} is not in {self.location()}, so it takes no metrics", hint="save it first")
        self._metrics.add(sequence, values, replace=replace, single=single)
        if not self._heartbeat.is_running:
            self._metrics.flush()

    def _find_sequence(self, key: EntityKey) -> int | None:
        of = (key.project, key.type, key.id or "")
        if of not in self._sequences:
            sequence = self._database.read(lambda cursor: entity_table.find_sequence(cursor, of))
            if sequence is None:
                return None
            self._sequences[of] = sequence
        return self._sequences[of]

    def flush_metrics(self) -> dict[str, dict[str, Any]]:
        """Write held-back metrics. Return those of this process that the database did not take, by key and name."""
        try:
            self._metrics.flush()
        except PlatformError:
            return {
                str(run_key(project, identity)) if entity_type == "run" else f"{entity_type} {identity}": dict(metrics)
                for (project, entity_type, identity), sequence in self._sequences.items()
                if (metrics := self._metrics.drop(sequence))
            }
        return {}

    def stop(self, key: EntityKey) -> None:
        """Ask a run to stop: its process gets SIGTERM, on another host within a few seconds."""
        record = self.read(key)
        check_stoppable(record)
        self._owners.stop(record["project"], record["id"])

    def read_secret(self, project: str, name: str) -> str | None:  # noqa: ARG002  # of EntityStore
        """Return None: this store keeps no values of secrets."""
        return None

    def write_secret(self, project: str, name: str, value: str | None) -> None:  # noqa: ARG002  # of EntityStore
        """Refuse a value: whoever may read the database could read it."""
        if value is not None:
            raise PlatformError(
                f"the value of secret {name} is not stored: whoever may read {self.location()} could read it",
                hint="give it as a variable of the environment, in a cluster from a Secret",
            )

    def location(self) -> str:
        """Return the address of the database, without user and password."""
        return self._database.url.address

    def limit_waits(self) -> None:
        """Try again for a few seconds only."""
        self._database.patience = min(self._database.patience, _HURRY)

    def log_file(self, project: str, identity: str) -> Path:
        """Return a file of this machine that takes the log of a run, from where it is copied to the database."""
        check_name(project, "project")
        if identity not in self._spools:
            self._spools[check_id(identity)] = LogSpool()
        return self._spools[identity].path

    def flush_log(self, project: str, identity: str) -> None:
        """Copy what is left of a run's log to the database. Errors: PlatformError."""
        spool, sequence = self._spools.get(identity), self._sequences.get((project, "run", identity))
        if spool is None or sequence is None:
            return
        spool.send(self._database, sequence)
        if not self._heartbeat.owns(sequence):  # the run has ended
            self._spools.pop(identity).remove()

    def log_lines(self, project: str, identity: str) -> Iterable[str]:
        """Return the lines of a run's log so far; none for a run that has logged nothing."""
        key = run_key(project, identity)
        sequence = self._find_sequence(key)
        if sequence is None:
            raise describe_missing(key, self._list_values)
        self.flush_log(project, identity)
        return split_lines(read_chunks(self._database, sequence))

    def reap(self) -> list[str]:
        """Record every run whose process has ended as ERROR, and return the keys of those runs."""
        return self._owners.reap()

    def close(self) -> None:
        """Close the connection and let go of the runs of this process."""
        self._heartbeat.close()
        self._database.close()
        for spool in self._spools.values():
            spool.remove()
        self._spools.clear()

    def _write_pending(self) -> None:
        """Write logs and metrics that have been held back; one attempt. Errors: PlatformError."""
        self._metrics.flush(patience=0)
        for (_, entity_type, identity), sequence in list(self._sequences.items()):
            if entity_type == "run" and (spool := self._spools.get(identity)):
                spool.send(self._database, sequence, patience=0)

    def _unpack(self, text: str) -> Record:
        return unpack_record(text, self.location())

    def _describe_removed(self, label: str) -> PlatformError:
        return PlatformError(f"{label} is not in {self.location()}", hint="it was removed meanwhile")


def open_postgres(environ: Mapping[str, str], patience: float) -> PostgresStore:
    """Return the store that OVENBIRD_STORE names. Errors: SettingsError, PlatformError."""
    url = parse_database_url(environ.get("OVENBIRD_STORE", ""), "OVENBIRD_STORE")
    return PostgresStore(url, data_dir(environ), patience=patience)
