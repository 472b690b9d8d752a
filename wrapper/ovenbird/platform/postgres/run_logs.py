"""Logs of runs: written to a file of this machine first, and copied to the database in chunks."""

from __future__ import annotations

import atexit
import codecs
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import PlatformError

if TYPE_CHECKING:
    from .database import Cursor, Database

_CHUNK = 256 * 1024  # bytes of a row at most
_AT_ONCE = 32  # rows that are read together


class LogSpool:
    """The log of one run of this process: a file, and how much of it is in the database."""

    def __init__(self) -> None:
        try:
            self._folder = Path(tempfile.mkdtemp(prefix="ovenbird-log-"))
        except OSError as error:
            raise PlatformError(
                f"no folder for the log of the run: {error.strerror or error}", hint="TMPDIR names a folder"
            ) from error
        self.path = self._folder / "run.log"
        self.path.touch(0o600)
        self._pid = os.getpid()
        atexit.register(self.remove)
        self._sent = 0
        self._lock = threading.RLock()

    def send(self, database: Database, sequence: int, *, patience: float | None = None) -> None:
        """Copy what is new to the database. Errors: PlatformError, and then the next call goes on there."""
        with self._lock, self.path.open("rb") as log:
            while True:
                log.seek(self._sent)
                chunk = log.read(_CHUNK)
                if not chunk:
                    return
                row = (sequence, self._sent, chunk)
                database.write(lambda cursor, row=row: _insert_chunk(cursor, row), patience=patience)  # type: ignore[misc]
                self._sent += len(chunk)

    def remove(self) -> None:
        """Remove the file, unless this is a forked child."""
        atexit.unregister(self.remove)
        if self._pid == os.getpid():
            shutil.rmtree(self._folder, ignore_errors=True)


def _insert_chunk(cursor: Cursor, row: tuple[int, int, bytes]) -> None:
    cursor.execute(
        "INSERT INTO ovenbird.log (seq, position, content)"
        " SELECT %s, %s, %s WHERE EXISTS (SELECT FROM ovenbird.entity WHERE seq = %s)"
        # the chunk of a commit that was not confirmed may be shorter: the log has grown since
        " ON CONFLICT (seq, position) DO UPDATE SET content = excluded.content",
        (*row, row[0]),
    )


def read_chunks(database: Database, sequence: int) -> Iterator[bytes]:
    """Yield the log of a run in parts, as far as it is in the database."""
    last = -1
    query = (
        "SELECT position, content FROM ovenbird.log WHERE seq = %s AND position > %s ORDER BY position"
        f" LIMIT {_AT_ONCE}"
    ).encode()
    while True:

        def work(cursor: Cursor, after: int = last) -> list[tuple[Any, ...]]:
            return cursor.execute(query, (sequence, after)).fetchall()

        rows = database.read(work)
        for last, content in rows:  # noqa: B007  # the next query begins after it
            yield content
        if len(rows) < _AT_ONCE:
            return


def split_lines(chunks: Iterator[bytes]) -> Iterator[str]:
    """Yield lines of text, each with its end, from parts that may end within a line or a character."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    for chunk in chunks:
        *lines, rest = (rest + decoder.decode(chunk)).split("\n")
        yield from (f"{line}\n" for line in lines)
    rest += decoder.decode(b"", final=True)
    if rest:
        yield rest
