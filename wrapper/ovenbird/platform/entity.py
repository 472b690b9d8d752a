"""What every entity has: key, name, kind, id, metadata, spec, status, relations, metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ovenbird.errors import ArgumentsError, InputError

from . import keys
from .fields import Fields
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
        """The whole entity in plain JSON values, with its type."""
        simple = {name: getattr(self, name) for name in ("id", "kind", "name", "project", "key", "user")}
        parts = {name: getattr(self, name).to_dict() for name in ("metadata", "spec", "status")}
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
        """
        numbers = _numbers(key, value)
        if single_value and len(numbers) != 1:
            raise ArgumentsError(f"metric {key!r}: {len(numbers)} numbers for a single value")
        of = keys.parse(self.key)
        self._store.append_metrics(of, {key: numbers}, replace=overwrite, single=single_value)
        self._note_metric(key, numbers, overwrite, single_value)

    def log_metrics(self, metrics: Mapping[str, Metric], overwrite: bool = False) -> None:
        """Store several metrics: a number stays a single number, a list is added to its series."""
        for name, value in metrics.items():
            self.log_metric(name, value, overwrite, single_value=not _is_series(value))

    def _note_metric(self, key: str, numbers: list[float], overwrite: bool, single: bool) -> None:
        metrics = self.status.setdefault("metrics", Fields())
        before = metrics.get(key)
        if single:
            metrics[key] = numbers[0]
        else:
            metrics[key] = (before if isinstance(before, list) and not overwrite else []) + numbers


def _is_series(value: object) -> bool:
    return isinstance(value, (list, tuple)) or (hasattr(value, "tolist") and getattr(value, "ndim", 0) > 0)


def _numbers(key: str, value: Any) -> list[float]:
    """The numbers of a metric; numpy's scalars and arrays count as numbers and lists."""
    keys.check_name(key, "metric name")
    if hasattr(value, "tolist"):
        value = value.tolist()
    found = list(value) if isinstance(value, (list, tuple)) else [value]
    try:
        return [_number(item) for item in found]
    except (TypeError, OverflowError):
        raise InputError(f"metric {key!r} is not a number: {value!r}", hint="a number, or a list of numbers") from None


def _number(item: Any) -> float:
    if hasattr(item, "item"):  # a numpy scalar
        item = item.item()
    if isinstance(item, bool) or not isinstance(item, (int, float)):
        raise TypeError
    return float(item)
