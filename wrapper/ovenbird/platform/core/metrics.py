"""Write metrics to Core in a thread of their own. Each metric is a number or a series, and is sent completely."""

from __future__ import annotations

import atexit
import logging
import math
import os
import re
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote

from ...errors import OvenbirdError, PlatformUnreachableError
from ..entities.metrics import Value, merge
from ..keys import EntityKey
from .rest_client import RestClient

_log = logging.getLogger("ovenbird")
_PAUSE = 1.0  # seconds between two writes of one process: a loop may log a metric at each step
_REFUSED = re.compile(r"[/\\;%\x00-\x1f\x7f]")  # characters that Core's web server refuses in an address, encoded too
Values = dict[str, Value]


class _Entry(NamedTuple):
    """Numbers that were logged and not yet sent to Core."""

    key: EntityKey
    name: str
    numbers: list[float]
    replace: bool
    single: bool


class MetricsBuffer:
    """Series as they are in Core: read once for each entity, since this process alone adds to them.

    `append` only notes what was logged; a thread sends it, so that no call of the user's waits for Core.
    """

    def __init__(self, client: RestClient) -> None:
        self._client = client
        self._begin()

    def _begin(self) -> None:
        """Start empty in this process."""
        self._process = os.getpid()
        self._notes = threading.Lock()  # of `_logged` and `_thread`; never held during a call of Core's
        self._sending = threading.RLock()  # of all else
        self._logged: deque[_Entry] = deque()
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._known: dict[str, Values] = {}
        self._held: dict[tuple[str, str], EntityKey] = {}  # (id, name) of what is still to be written, and whose it is
        self._refused: set[tuple[str, str]] = set()  # of these, what is tried again at the end only
        self._renamed: set[str] = set()

    def read(self, project: str, entity_type: str, identity: str) -> Values:
        """Return the metrics of a run or a model. Errors: PlatformError."""
        with self._sending:
            self._flush()
            series = self._read(project, entity_type, identity)
            return {name: list(value) if isinstance(value, list) else value for name, value in series.items()}

    def append(self, key: EntityKey, values: Mapping[str, Sequence[float]], *, replace: bool, single: bool) -> None:
        """Add numbers. Those that are not finite are left out, as JSON cannot hold them."""
        entries = []
        for series_name, logged in values.items():
            name = self._core_name(series_name)
            numbers = [number for number in logged if math.isfinite(number)]
            if len(numbers) < len(logged):
                _log.warning("metric %s of %s: Core keeps finite numbers only; %s left out", name, key, logged)
            if numbers:
                entries.append(_Entry(key, name, numbers, replace, single))
        if os.getpid() != self._process:  # a process that user code has forked: it has no thread, and may end at once
            self._client.forget_threads()
            self._begin()
            self._logged.extend(entries)
            self.settle()
            return
        with self._notes:
            self._logged.extend(entries)
            if entries and self._thread is None:
                self._ended.clear()
                self._thread = threading.Thread(target=self._send, name="ovenbird-metrics", daemon=True)
                self._thread.start()
                atexit.register(self.settle)

    def settle(self) -> None:
        """Write the values that were held back. An error is logged, as no caller could handle it."""
        with self._notes:
            thread, self._thread = self._thread, None
        self._ended.set()
        if thread is not None:
            atexit.unregister(self.settle)
            if thread is not threading.current_thread():
                thread.join()
        try:
            with self._sending:
                self._flush(final=True)
        except OvenbirdError as error:
            _log.warning("metrics were not written: %s", error.message)

    def flush_metrics(self) -> dict[str, Values]:
        """Write held-back values. Return the metrics that Core refuses, by the entity's key and by name."""
        self.settle()
        with self._sending:
            by_key: dict[str, Values] = {}
            for (identity, name), key in self._held.items():
                by_key.setdefault(str(key), {})[name] = self._known[identity][name]
            for entry in self._logged:  # what was there before could not even be read
                values = by_key.setdefault(str(entry.key), {})
                before = values.get(entry.name)
                values[entry.name] = merge(before, entry.numbers, replace=entry.replace, single=entry.single)
            self._held.clear()
            self._logged.clear()
            return by_key

    def _send(self) -> None:
        """Send logged values at once, and then at most once a second, until `settle`."""
        reported = False
        while True:
            try:
                with self._sending:
                    self._flush()
            except OvenbirdError as error:  # it is tried again, and at the end
                if not reported:
                    _log.warning("metrics are held back: %s", error.message)
                reported = True
            if self._ended.wait(_PAUSE):
                return

    def _flush(self, *, final: bool = False) -> None:
        """Write new values, and at the end those that were refused. Raise the first error last."""
        failed: OvenbirdError | None = None
        while self._logged:
            entry = self._logged[0]
            identity = entry.key.id or ""
            before = None if entry.replace else self._value(entry.key, entry.name)
            if isinstance(before, list):
                before.extend(entry.numbers)  # a series is not copied for each number of it
            else:
                value = merge(before, entry.numbers, replace=entry.replace, single=entry.single)
                self._known.setdefault(identity, {})[entry.name] = value
            self._held[identity, entry.name] = entry.key
            self._logged.popleft()
        for (identity, name), key in list(self._held.items()):
            if (identity, name) in self._refused and not final:
                continue
            where = f"{_metrics_path(key.project, key.type, identity)}/{quote(name, safe='')}"
            try:
                self._client.call("PUT", where, body=self._known[identity][name])
            except PlatformUnreachableError as error:
                failed = failed or error
                break  # the others would wait for an answer just as long
            except OvenbirdError as error:
                failed = failed or error
                self._refused.add((identity, name))
            else:
                del self._held[identity, name]
        if failed is not None:
            raise failed

    def _read(self, project: str, entity_type: str, identity: str) -> Values:
        series = self._client.call("GET", _metrics_path(project, entity_type, identity))
        self._known[identity] = dict(series or {})
        return self._known[identity]

    def _value(self, key: EntityKey, name: str) -> Value | None:
        series = self._known.get(key.id or "")
        if series is None:
            series = self._read(key.project, key.type, key.id or "")
        return series.get(name)

    def _core_name(self, name: str) -> str:
        """Return a metric's name as Core accepts it, `train.loss` for `train/loss`, and log a changed name once."""
        cleaned = _REFUSED.sub(".", name)
        cleaned = cleaned if cleaned.strip(".") else cleaned.replace(".", "_")
        if cleaned != name and name not in self._renamed:
            self._renamed.add(name)
            _log.warning("metric %r is called %r in Core, whose web server refuses such a name", name, cleaned)
        return cleaned


def _metrics_path(project: str, entity_type: str, identity: str) -> str:
    return f"/-/{quote(project, safe='')}/{entity_type}s/{quote(identity, safe='')}/metrics"
