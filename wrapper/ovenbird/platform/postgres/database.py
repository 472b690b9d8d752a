"""The connection of a process to PostgreSQL: opened when needed, opened again when lost, one transaction at a time."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from . import schema
from .database_errors import is_passing, translate_error
from .database_url import DatabaseUrl, import_psycopg

if TYPE_CHECKING:
    import psycopg

    Cursor = psycopg.Cursor[tuple[Any, ...]]
    Connection = psycopg.Connection[tuple[Any, ...]]

Result = TypeVar("Result")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0  # seconds between two attempts
_CONNECT = 10  # seconds for an attempt to connect
_SETTINGS = b"SET lock_timeout = '20s'; SET idle_in_transaction_session_timeout = '60s'"
_log = logging.getLogger("ovenbird")


class Database:
    """Runs transactions, one thread at a time. What may pass by itself is tried again for `patience` seconds."""

    def __init__(self, url: DatabaseUrl, patience: float) -> None:
        self.url = url
        self.patience = patience
        self._psycopg = import_psycopg()
        self._connection: Connection | None = None
        self._lock = threading.RLock()
        self._pid = os.getpid()
        self._is_down = False  # whether the last work failed although it was tried for so long

    def read(self, work: Callable[[Cursor], Result], *, patience: float | None = None) -> Result:
        """Return what `work` reads, in a transaction of its own. Errors: PlatformError."""
        return self._retry(lambda: self._run(work), patience)

    def write(self, work: Callable[[Cursor], Result], *, patience: float | None = None) -> Result:
        """Do `work` in a transaction, once: one that was lost amid its commit is looked for before it is repeated.

        Errors: PlatformError.
        """
        return self.commit(Transaction(work), patience=patience)

    def commit(self, transaction: Transaction[Result], *, patience: float | None = None) -> Result:
        """Do what a transaction says, as `write` does; one that failed here before may be given again."""

        def attempt() -> Result:
            if transaction.number is not None and self._run(transaction.is_committed):
                return transaction.result
            return self._run(transaction.work)

        return self._retry(attempt, patience)

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        if self._pid == os.getpid():
            with self._lock:
                self._drop()

    def _retry(self, attempt: Callable[[], Result], patience: float | None) -> Result:
        began, pause, is_first = time.monotonic(), _FIRST_PAUSE, True
        while True:
            try:
                result = attempt()
            except self._psycopg.Error as error:
                limit = self.patience if patience is None else patience
                left = 0.0 if self._is_down else began + limit - time.monotonic()
                if not is_passing(error):
                    raise translate_error(error, self.url) from None
                if left <= 0:
                    self._is_down = self._is_down or patience is None
                    raise translate_error(error, self.url) from None
                if is_first:
                    _log.warning("%s; trying again for %.0f s", translate_error(error, self.url).message, left)
                is_first = False
                time.sleep(min(pause, left))
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                self._is_down = False
                return result

    def _run(self, work: Callable[[Cursor], Result]) -> Result:
        """Do the work in one transaction, on a connection that works as far as it is known."""
        self._forget_parent()
        with self._lock:
            connection = self._connect()
            try:
                with connection.transaction(), connection.cursor() as cursor:
                    return work(cursor)
            except BaseException:
                if connection.closed or connection.info.transaction_status != self._psycopg.pq.TransactionStatus.IDLE:
                    self._drop()  # lost, or interrupted while it was rolled back
                raise

    def _connect(self) -> Connection:
        if self._connection is None or self._connection.closed:
            timeout = max(2, min(_CONNECT, int(self.patience)))
            parameters = {"connect_timeout": timeout, **self.url.parameters}
            # statements are not prepared, so that PgBouncer can hand the connection to others between transactions
            connection: Connection = self._psycopg.connect(**parameters, autocommit=True, prepare_threshold=None)
            try:
                connection.execute(_SETTINGS)
                schema.ensure_current(connection, self.url.address)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            with suppress(self._psycopg.Error):
                self._connection.close()
        self._connection = None

    def _forget_parent(self) -> None:
        """Leave connection and lock of a parent process alone: a forked child opens its own."""
        if self._pid != os.getpid():
            self._pid, self._lock, self._connection = os.getpid(), threading.RLock(), None


def upgrade_database(url: DatabaseUrl, patience: float) -> tuple[int, int]:
    """Apply the migrations that a database lacks; return the versions before and after. Errors: PlatformError."""
    psycopg = import_psycopg()
    try:
        with psycopg.connect(**{"connect_timeout": int(patience), **url.parameters}, autocommit=True) as connection:
            return schema.migrate(connection, schema.MIGRATIONS)
    except psycopg.Error as error:
        raise translate_error(error, url) from None


class Transaction(Generic[Result]):
    """A transaction that knows its number, so that the server can tell later whether it was committed."""

    def __init__(self, work: Callable[[Cursor], Result]) -> None:
        self._work = work
        self.number: int | None = None  # of the attempt whose commit was not confirmed
        self._result: Result | None = None

    @property
    def result(self) -> Result:
        """Return what the work returned."""
        return cast("Result", self._result)

    def work(self, cursor: Cursor) -> Result:
        """Do the work, and remember its result and number."""
        self.number = None
        self._result = self._work(cursor)
        row = cursor.execute("SELECT txid_current()").fetchone()
        self.number = row[0] if row else None
        return self._result

    def is_committed(self, cursor: Cursor) -> bool:
        """Return whether the transaction was committed. psycopg.OperationalError while that is open."""
        row = cursor.execute("SELECT txid_status(%s)", (self.number,)).fetchone()
        status = row[0] if row else None
        if status == "in progress":  # the server has not noticed yet that the connection was lost
            raise import_psycopg().OperationalError("an earlier transaction is still open")
        return bool(status == "committed")
