"""Record which process owns a run, and find runs whose process was killed."""

from __future__ import annotations

import fcntl
import os
import signal
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ...errors import OvenbirdError, PlatformError
from .. import process_identity
from ..keys import EntityKey, run_key
from ..store import format_timestamp
from .database import Database, pack_record, translate_errors, unpack_record

_LOST = "the process ended without a report: killed (SIGKILL, out of memory), or the machine stopped"


class Ownership:
    """The table `owner` and, for processes that cannot be seen from here, a lock on the run's log."""

    def __init__(self, database: Database, log_file: Callable[[str, str], Path]) -> None:
        self._database = database
        self._log_file = log_file
        self._held: dict[str, int] = {}

    def hold(self, project: str, identity: str) -> None:
        """Lock the run's log for as long as this process lives: seen from every PID namespace of the machine."""
        path = self._log_file(project, identity)
        with translate_errors(path):
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            self._held[identity] = handle
            fcntl.flock(handle, fcntl.LOCK_EX)

    def release(self, identity: str) -> None:
        """Release a run that has ended."""
        if (handle := self._held.pop(identity, None)) is not None:
            os.close(handle)

    def release_all(self) -> None:
        """Release every run of this process."""
        for identity in list(self._held):
            self.release(identity)

    def add(self, connection: sqlite3.Connection, sequence: int | None) -> None:
        """Record, within a transaction, that the run belongs to this process."""
        connection.execute(
            "INSERT INTO owner VALUES (?, ?, ?, ?, ?)", (sequence, *process_identity.read_own_identity())
        )

    def terminate(self, project: str, identity: str) -> None:
        """Send SIGTERM to the process that owns a run, if there is one. Errors: PlatformError."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT pid, start, boot, namespace FROM owner JOIN entity USING (seq) WHERE project = ? AND id = ?",
                (project, identity),
            ).fetchone()
        living = process_identity.is_alive(process_identity.ProcessIdentity(*row)) if row else False
        if living is None:
            raise PlatformError(
                f"run {identity} cannot be stopped from here: its process is in another container",
                hint="stop the container",
            )
        if living:
            with suppress(ProcessLookupError):  # it has just ended
                os.kill(row[0], signal.SIGTERM)

    def reap(self) -> list[str]:
        """Record every run whose process has ended as ERROR, and return the keys of those runs."""
        with self._database.reading() as connection:
            owned = connection.execute(  # CROSS: few are owned, and the order of the tables is kept
                "SELECT seq, project, id, pid, start, boot, namespace FROM owner CROSS JOIN entity USING (seq)"
            ).fetchall()
        lost = []
        for sequence, project, identity, *process in owned:
            living = process_identity.is_alive(process_identity.ProcessIdentity(*process))
            if living is None:
                living = self._is_held(project, identity)
            if not living and self._lose(sequence, process[0]):
                lost.append(str(run_key(project, identity)))
        return lost

    def _is_held(self, project: str, identity: str) -> bool:
        try:
            with self._log_file(project, identity).open("rb") as log:
                fcntl.flock(log, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except (FileNotFoundError, OvenbirdError):  # an id that is none has no log
            pass
        return False

    def _lose(self, sequence: int, pid: int) -> bool:
        """Record a run as lost. Return False if another process has just done so."""
        home = self._database.path.parent
        with self._database.writing() as connection:
            query = "SELECT text FROM owner JOIN body USING (seq) WHERE seq = ?"
            row = connection.execute(query, (sequence,)).fetchone()
            if row is None:
                return False
            record, moment = unpack_record(row[0], home), format_timestamp()
            message = f"process {pid}: {_LOST}"
            error = {"type": "ProcessLost", "message": message, "traceback": ""}
            record["status"].update(state="ERROR", message=message, error=error, ended=moment)
            connection.execute(
                "UPDATE entity SET state = 'ERROR', updated = ?, ended = ? WHERE seq = ?", (moment, moment, sequence)
            )
            connection.execute("UPDATE body SET text = ? WHERE seq = ?", (pack_record(record, home), sequence))
            connection.execute("DELETE FROM owner WHERE seq = ?", (sequence,))
        return True


def refuse_owned(connection: sqlite3.Connection, identity: tuple[str, str, str], key: EntityKey) -> None:
    """Raise PlatformError for a run, by project, type and id, that a living process owns."""
    query = "SELECT pid FROM owner JOIN entity USING (seq) WHERE project = ? AND type = ? AND id = ?"
    if owner := connection.execute(query, identity).fetchone():
        raise PlatformError(f"{key} is still running, in process {owner[0]}", hint="stop it first")
