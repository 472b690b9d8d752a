"""Which process owns a run: on this host by its identity, on other hosts by a row that it touches every few seconds."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import process_identity
from ..keys import run_key
from ..process_identity import ProcessIdentity
from ..store import FINAL, Record, format_timestamp
from .records import pack_record, unpack_record

if TYPE_CHECKING:
    from .database import Cursor, Database

MARGIN = 60.0  # seconds on the database's clock without a sign of life, after which a run counts as lost
LOST = "ProcessLost"
_OWNER = "pid, start, boot, namespace, host"
# A server that has just started says nothing of its clients: these need a moment to connect again.
_STALE = "greatest(beat, pg_postmaster_start_time()) < clock_timestamp() - %s * interval '1 s'"


class Owner(NamedTuple):
    """A process that owns runs, and the name of its host."""

    process: ProcessIdentity
    host: str


def identify_owner() -> Owner:
    """Return this process."""
    return Owner(process_identity.read_own_identity(), socket.gethostname())


class RunOwners:
    """The table `owner`, as this process sees it."""

    def __init__(self, database: Database, own: Owner, margin: float) -> None:
        self._database = database
        self._own = own
        self._margin = margin

    def add(self, cursor: Cursor, sequence: int) -> None:
        """Record, within a transaction, that the run belongs to this process."""
        process = self._own.process
        if process.pid != os.getpid():  # a forked child
            process = process_identity.read_own_identity()
        cursor.execute(
            f"INSERT INTO ovenbird.owner (seq, {_OWNER}) VALUES (%s, %s, %s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING".encode(),
            (sequence, *process, self._own.host),
        )

    def touch(self, sequences: Sequence[int]) -> tuple[list[int], bool]:
        """Show that this process lives. Return the runs that it no longer owns, and whether one is asked to stop."""

        def work(cursor: Cursor) -> list[tuple[Any, ...]]:
            query = "UPDATE ovenbird.owner SET beat = clock_timestamp() WHERE seq = ANY(%s) RETURNING seq, stop"
            return cursor.execute(query, (list(sequences),)).fetchall()

        rows = self._database.write(work, patience=0)
        owned = {row[0] for row in rows}
        return [sequence for sequence in sequences if sequence not in owned], any(row[1] for row in rows)

    def reclaim(self, sequence: int) -> bool:
        """Own a run again that was recorded as lost while its process lived. Return False for one that has ended.

        User code may have saved the run since, so that its record does not say any more that it was lost.
        """

        def work(cursor: Cursor) -> bool:
            row = cursor.execute(
                "SELECT text FROM ovenbird.entity JOIN ovenbird.body USING (seq) WHERE seq = %s FOR UPDATE", (sequence,)
            ).fetchone()
            if row is None:
                return False
            record = unpack_record(row[0], self._database.url.address)
            status = record["status"]
            error = status.get("error")  # user code may set it
            if isinstance(error, dict) and error.get("type") == LOST:
                for name in ("error", "message", "ended"):
                    status.pop(name, None)
                status["state"] = "RUNNING"
                _write_state(cursor, sequence, record)
            elif status.get("state") in FINAL:
                return False
            self.add(cursor, sequence)
            return True

        return self._database.write(work, patience=0)

    def stop(self, project: str, identity: str) -> None:
        """Send SIGTERM to the owner of a run: directly on this host, else at its next sign of life."""
        query = (
            f"SELECT seq, {_OWNER} FROM ovenbird.owner JOIN ovenbird.entity USING (seq)"
            " WHERE project = %s AND type = 'run' AND id = %s"
        ).encode()
        row = self._database.read(lambda cursor: cursor.execute(query, (project, identity)).fetchone())
        if row is None or (is_alive := self._judge(row[1:])) is False:
            return
        if is_alive:
            try:
                os.kill(row[1], signal.SIGTERM)
            except ProcessLookupError:  # it has just ended
                return
            except PermissionError:  # it is another user's
                pass
            else:
                return
        request = "UPDATE ovenbird.owner SET stop = TRUE WHERE seq = %s"
        self._database.write(lambda cursor: cursor.execute(request, row[:1]))

    def find(self, cursor: Cursor, sequence: int) -> str:
        """Return the process that owns the run as text for people, or an empty text."""
        row = cursor.execute("SELECT pid, host FROM ovenbird.owner WHERE seq = %s", (sequence,)).fetchone()
        return f"process {row[0]} on {row[1]}" if row else ""

    def reap(self) -> list[str]:
        """Record every run whose process has ended as ERROR, and return the keys of those runs."""

        def list_owned(cursor: Cursor) -> list[tuple[Any, ...]]:
            query = (
                f"SELECT seq, project, id, beat, {_STALE}, {_OWNER}"
                " FROM ovenbird.owner JOIN ovenbird.entity USING (seq)"
            )
            return cursor.execute(query.encode(), (self._margin,)).fetchall()

        lost = []
        for sequence, project, identity, beat, is_stale, *owner in self._database.read(list_owned):
            is_alive = self._judge(tuple(owner))
            if (is_alive is False or (is_stale and not is_alive)) and self._lose(sequence, beat, owner[0], owner[-1]):
                lost.append(str(run_key(project, identity)))
        return lost

    def _judge(self, owner: tuple[Any, ...]) -> bool | None:
        """Return whether a process lives, None where its number means nothing here: on another host, in a container."""
        process, own = ProcessIdentity(*owner[:4]), self._own.process
        if not own.boot or (process.boot, process.namespace, owner[4]) != (own.boot, own.namespace, self._own.host):
            return None
        return process_identity.is_alive(process)

    def _lose(self, sequence: int, beat: Any, pid: int, host: str) -> bool:
        """Record a run as lost. Return False if another process has just done so, or its own has shown up."""

        def work(cursor: Cursor) -> bool:
            row = cursor.execute(
                "SELECT text, extract(epoch FROM clock_timestamp() - beat) FROM ovenbird.owner"
                " JOIN ovenbird.body USING (seq) WHERE seq = %s AND beat = %s FOR UPDATE SKIP LOCKED",
                (sequence, beat),
            ).fetchone()
            if row is None:
                return False
            record, moment = unpack_record(row[0], self._database.url.address), format_timestamp()
            message = (
                f"process {pid} on {host} ended without a report, its last sign of life came {row[1]:.0f} s earlier:"
                " killed (SIGKILL, out of memory), or its machine stopped or lost the network"
            )
            error = {"type": LOST, "message": message, "traceback": ""}
            record["status"].update(state="ERROR", message=message, error=error, ended=moment)
            _write_state(cursor, sequence, record)
            cursor.execute("DELETE FROM ovenbird.owner WHERE seq = %s", (sequence,))
            return True

        return self._database.write(work)


def _write_state(cursor: Cursor, sequence: int, record: Record) -> None:
    status = record["status"]
    cursor.execute(
        "UPDATE ovenbird.entity SET state = %s, updated = %s, ended = %s WHERE seq = %s",
        (status["state"], format_timestamp(), status.get("ended"), sequence),
    )
    cursor.execute("UPDATE ovenbird.body SET text = %s WHERE seq = %s", (pack_record(record), sequence))
