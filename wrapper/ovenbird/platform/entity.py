"""What every entity has: key, name, kind, id, metadata, spec, status, relations, metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ovenbird.common.text import show_value
from ovenbird.errors import ArgumentsError

from . import keys
from .fields import Fields
from .json_values import json_value
from .metrics import is_series, merge, metric_name, metric_numbers
from .store import Record, Store, timestamp

if TYPE_CHECKING:
    from typing_extensions import Self

Metric = float | Sequence[float]


def new_record(
    project: str, type: str, kind: str, name: str, *, identity: str | None = None, spec: Mapping[str, Any] | None = None
) -> Record:
    """A whole entity that is not stored yet; InputError for names that cannot be used."""
    keys.check_name(project, "project")
    keys.check_name(name, f"{type} name")
    keys.check_kind(kind)
    identity = keys.check_id(identity) if identity else keys.new_id()
    now = timestamp()
    key = keys.run_key(project, identity, kind) if type == "run" else keys.Key(project, type, kind, name, identity)
    return {
        "id": identity,
        "type": type,
        "kind": kind,
        "name": identity if type == "run" else name,
        "project": project,
        "key": str(key),
        "user": "",
        "metadata": {"project": project, "name": name, "created": now, "updated": now, "relationships": []},
        "spec": {**(spec or {})},
        "status": {"state": "CREATED"},
    }


class Entity:
    """One version of a named thing in a project. `metadata`, `spec` and `status` take attributes and items."""

    TYPE = ""

    def __init__(self, store: Store, record: Record, environ: Mapping[str, str]) -> None:
        self._store = store
        self._environ = environ
        self._saved = True
        self._load(record)

    def _load(self, record: Record) -> None:
        self.id: str = record["id"]
        self.kind: str = record["kind"]
        self.name: str = record["name"]
        self.project: str = record["project"]
        self.key: str = record["key"]
        self.user: str = record.get("user", "")
        self.metadata = Fields(record["metadata"])
        self.spec = Fields(record["spec"])
        self.status = Fields(record["status"])

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.key}>"

    def to_dict(self) -> Record:
        """Return the whole entity in plain JSON values, with its type; what is secret in a URL is left out."""
        simple = {name: getattr(self, name) for name in ("id", "kind", "name", "project", "key", "user")}
        parts = {name: json_value(getattr(self, name)) for name in ("metadata", "spec", "status")}
        path = parts["spec"].get("path")
        if isinstance(path, str) and "://" in path:  # the entity itself keeps what its file is read with
            from ovenbird.common.redact import redact_record

            parts["spec"]["path"] = redact_record(path)
        return {**simple, "type": self.TYPE, **parts}

    def save(self, update: bool = False) -> Self:
        """Store the entity, or with `update` its changes. PlatformError: it exists and `update` is False."""
        self.metadata.updated = timestamp()
        if update and self._saved:
            self._store.update(self.to_dict())
        else:
            self._store.create(self.to_dict())
        self._saved = True
        return self

    def refresh(self) -> Self:
        """Read the entity again."""
        self._load(self._store.read(keys.parse(self.key)))
        return self

    def delete(self) -> None:
        """Forget this version; its files stay."""
        self._store.remove(keys.parse(self.key))
        self._saved = False

    def relate(self, relation: str, dest: str) -> None:
        """Add a relation (`run_of`, `consumes`, `produced_by`) to the metadata, once; `save` stores it."""
        entry = {"type": relation, "dest": dest}
        if entry not in (relations := self.metadata.setdefault("relationships", [])):
            relations.append(Fields(entry))

    def log_metric(self, key: str, value: Metric, overwrite: bool = False, single_value: bool = False) -> None:
        """Add a number, or each of a list, to the series `key`.

        `overwrite` starts the series anew; `single_value` keeps one number in the place of a series.
        Errors: InputError for a value that is no number.
        """
        name = metric_name(key)
        numbers = metric_numbers(name, value)
        if single_value and len(numbers) != 1:
            raise ArgumentsError(f"metric {show_value(name)}: {len(numbers)} numbers for a single value")
        self._append_metrics({name: numbers}, replace=overwrite or single_value, single=single_value)

    def log_metrics(self, metrics: Mapping[str, Metric], overwrite: bool = False) -> None:
        """Store several metrics. A first number stays a number, a further one makes a series of it; a list is added.

        `overwrite` replaces what is there. Errors: InputError for a value that is no number; then nothing is stored.
        """
        singles: dict[str, list[float]] = {}
        series: dict[str, list[float]] = {}
        for key, value in metrics.items():
            name = metric_name(key)
            (series if is_series(value) else singles)[name] = metric_numbers(name, value)
        for values, single in ((singles, True), (series, False)):
            if values:
                self._append_metrics(values, replace=overwrite, single=single)

    def _append_metrics(self, values: Mapping[str, list[float]], *, replace: bool, single: bool) -> None:
        self._store.append_metrics(keys.parse(self.key), values, replace=replace, single=single)
        known = self.status.setdefault("metrics", Fields())
        for name, numbers in values.items():
            known[name] = merge(known.get(name), numbers, replace=replace, single=single)
