"""Metrics in Core: each is a number or a series, and is written whole."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from .keys import Key
from .rest import Client

_log = logging.getLogger("ovenbird")
Values = dict[str, "float | list[float]"]


class Metrics:
    """Series as they are in Core: read once for each entity, since this process alone adds to them."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[str, Values] = {}

    def read(self, project: str, type: str, identity: str) -> Values:
        """The metrics of a run or a model."""
        found = self._client.call("GET", f"/-/{quote(project, safe='')}/{type}s/{quote(identity, safe='')}/metrics")
        self._known[identity] = dict(found or {})
        return self._known[identity]

    def append(self, key: Key, values: Mapping[str, Sequence[float]], *, replace: bool, single: bool) -> None:
        """Add numbers; one that is not finite is left out, as JSON has none."""
        identity = key.id or ""
        for name, given in values.items():
            numbers = [number for number in given if math.isfinite(number)]
            if len(numbers) < len(given):
                _log.warning("metric %s of %s: Core keeps finite numbers only; %s left out", name, key, given)
            if not numbers:
                continue
            value: float | list[float] = numbers[0] if single else numbers
            if not (replace or single):
                known = self._known.get(identity)
                before = (self.read(key.project, key.type, identity) if known is None else known).get(name, [])
                value = [*(before if isinstance(before, list) else [before]), *numbers]
            self._known.setdefault(identity, {})[name] = value
            where = f"/-/{quote(key.project, safe='')}/{key.type}s/{quote(identity, safe='')}/metrics"
            self._client.call("PUT", f"{where}/{quote(name, safe='')}", body=value)
