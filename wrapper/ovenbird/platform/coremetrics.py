"""Metrics in Core: each is a number or a series, and is written whole; at most about once a second."""

from __future__ import annotations

import atexit
import logging
import math
import re
import threading
import time
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from ovenbird.errors import OvenbirdError, PlatformUnreachableError

from .keys import Key
from .metrics import Value, merge
from .rest import Client

_log = logging.getLogger("ovenbird")
_PAUSE = 1.0  # seconds between two writes: a loop that logs a metric at each step must not wait for Core each time
_REFUSED = re.compile(r"[/\\;%\x00-\x1f\x7f]")  # characters that Core's web server refuses in an address, encoded too
Values = dict[str, Value]


class Metrics:
    """Series as they are in Core: read once for each entity, since this process alone adds to them."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.RLock()
        self._known: dict[str, Values] = {}
        self._held: dict[tuple[str, str], str] = {}  # (id, name) of what is still to be written, and its address
        self._written = -math.inf
        self._timer: threading.Timer | None = None

    def read(self, project: str, type: str, identity: str) -> Values:
        """The metrics of a run or a model."""
        with self._lock:
            self.flush()
            found = self._client.call("GET", _where(project, type, identity))
            self._known[identity] = dict(found or {})
            return self._known[identity]

    def append(self, key: Key, values: Mapping[str, Sequence[float]], *, replace: bool, single: bool) -> None:
        """Add numbers; one that is not finite is left out, as JSON has none. Writes are a second apart."""
        identity = key.id or ""
        with self._lock:
            for given_name, given in values.items():
                name = _core_name(given_name)
                numbers = [number for number in given if math.isfinite(number)]
                if len(numbers) < len(given):
                    _log.warning("metric %s of %s: Core keeps finite numbers only; %s left out", name, key, given)
                if numbers:
                    before = None if replace else self._value(key, identity, name)
                    value = merge(before, numbers, replace=replace, single=single)
                    self._known.setdefault(identity, {})[name] = value
                    self._held[identity, name] = _where(key.project, key.type, identity)
            if time.monotonic() - self._written >= _PAUSE:
                try:
                    self.flush()
                except (
                    PlatformUnreachableError
                ) as error:  # a run must not die of it: it is written later, or at the end
                    self._written = time.monotonic()
                    _log.warning("metrics are held back: %s", error.message)
            if self._held and self._timer is None:
                self._timer = threading.Timer(_PAUSE, self.settle)
                self._timer.daemon = True
                self._timer.start()
                atexit.register(self.settle)

    def flush(self) -> None:
        """Write what has been held back. Errors: PlatformError."""
        with self._lock:
            for identity, name in list(self._held):
                where = self._held[identity, name]
                self._client.call("PUT", f"{where}/{quote(name, safe='')}", body=self._known[identity][name])
                del self._held[identity, name]
                self._written = time.monotonic()

    def _value(self, key: Key, identity: str, name: str) -> Value | None:
        known = self._known.get(identity)
        if known is None:
            known = self.read(key.project, key.type, identity)
        return known.get(name)

    def settle(self) -> None:
        """Write what has been held back, where nobody takes an error: it is logged."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
                atexit.unregister(self.settle)
            try:
                self.flush()
            except OvenbirdError as error:
                _log.warning("metrics were not written: %s", error.message)


def _where(project: str, type: str, identity: str) -> str:
    return f"/-/{quote(project, safe='')}/{type}s/{quote(identity, safe='')}/metrics"


def _core_name(name: str) -> str:
    """Return a metric's name as Core takes it: `train/loss` becomes `train.loss`."""
    cleaned = _REFUSED.sub(".", name)
    return cleaned if cleaned.strip(".") else cleaned.replace(".", "_")
