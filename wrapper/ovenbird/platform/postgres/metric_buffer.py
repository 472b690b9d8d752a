"""Metrics on their way to the database: held back and written together, a row for each name and batch."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .database import Transaction
from .records import clean_column

if TYPE_CHECKING:
    from .database import Cursor, Database


class PendingMetric:
    """Numbers of one metric that are not written yet: `replace` drops what is stored; `single`: see `metrics.merge`."""

    def __init__(self, numbers: Sequence[float], replace: bool, single: bool) -> None:
        self.numbers = list(numbers)
        self.replace, self.single = replace, single


Batch = dict[int, dict[str, PendingMetric]]
"""Metrics by the sequence numbers of their entities, and by name."""


class MetricBuffer:
    """The metrics of entities by their sequence numbers, until `flush` has written them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pending: Batch = {}
        self._unconfirmed: tuple[Batch, Transaction[None]] | None = None  # written, as far as it is known
        self._lock = threading.Lock()  # of the numbers that wait
        self._writing = threading.RLock()  # one batch after the other, or the order of numbers would be lost

    def add(self, sequence: int, values: Mapping[str, Sequence[float]], *, replace: bool, single: bool) -> None:
        """Hold numbers back."""
        with self._lock:
            waiting = self._pending.setdefault(sequence, {})
            for name, numbers in values.items():
                name = clean_column(name) or ""  # noqa: PLW2901
                if replace or name not in waiting:
                    waiting[name] = PendingMetric(numbers, replace, single)
                else:
                    waiting[name].numbers.extend(numbers)

    def flush(self, *, patience: float | None = None) -> None:
        """Write what waits, in one transaction. Errors: PlatformError, and then all waits on."""
        with self._writing:
            if self._unconfirmed:
                self._commit(*self._unconfirmed, patience)
            with self._lock:
                batch, self._pending = self._pending, {}
            if batch:
                self._commit(batch, Transaction(lambda cursor: _write_batch(cursor, batch)), patience)

    def _commit(self, batch: Batch, transaction: Transaction[None], patience: float | None) -> None:
        """Write a batch. One whose commit was not confirmed is given again as it is, or it could be stored twice."""
        self._unconfirmed = None
        try:
            self._database.commit(transaction, patience=patience)
        except BaseException:
            if transaction.number is None:
                self._put_back(batch)
            else:
                self._unconfirmed = batch, transaction
            raise

    def drop(self, sequence: int) -> dict[str, list[float]]:
        """Forget the metrics of an entity that are not known to be stored, and return them."""
        with self._writing:
            if self._unconfirmed:
                self._put_back(self._unconfirmed[0])
                self._unconfirmed = None
        with self._lock:
            waiting = self._pending.pop(sequence, {})
        return {name: metric.numbers for name, metric in waiting.items()}

    def _put_back(self, batch: Batch) -> None:
        with self._lock:
            newer, self._pending = self._pending, batch
        for sequence, metrics in newer.items():
            for name, metric in metrics.items():
                self.add(sequence, {name: metric.numbers}, replace=metric.replace, single=metric.single)


def _write_batch(cursor: Cursor, batch: Batch) -> None:
    for sequence, metrics in sorted(batch.items()):  # in one order, or two processes could wait for each other
        query = "SELECT 1 FROM ovenbird.entity WHERE seq = %s FOR NO KEY UPDATE"
        if cursor.execute(query, (sequence,)).fetchone() is None:
            continue  # removed meanwhile
        cursor.executemany(
            "INSERT INTO ovenbird.metric (seq, name, step, numbers) VALUES (%s, %s, %s, %s)",
            list(_make_rows(cursor, sequence, metrics)),
        )


def _make_rows(
    cursor: Cursor, sequence: int, metrics: Mapping[str, PendingMetric]
) -> Iterator[tuple[int, str, int, list[float]]]:
    """Yield rows that follow what is stored: a single number has step 0 and is alone, a series counts from 1."""
    replaced = [name for name, metric in metrics.items() if metric.replace]
    if replaced:
        cursor.execute("DELETE FROM ovenbird.metric WHERE seq = %s AND name = ANY(%s)", (sequence, replaced))
    query = (
        "SELECT name, max(step + cardinality(numbers)) FROM ovenbird.metric WHERE seq = %s AND name = ANY(%s)"
        " GROUP BY name"
    )
    following: dict[Any, int] = dict(cursor.execute(query, (sequence, list(metrics))).fetchall())
    for name, metric in metrics.items():
        if metric.numbers:
            yield sequence, name, following.get(name, 0 if metric.single else 1), [float(n) for n in metric.numbers]
