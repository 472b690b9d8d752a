"""The base of all entities: key, name, kind, id, metadata, spec, status, relations, metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...common.text import show_value
from ...errors import ArgumentsError, InputError
from .. import keys
from ..store import EntityStore, Record, format_timestamp
from .attr_dict import AttrDict
from .json_values import json_value
from .metrics import is_series, merge, metric_name, metric_numbers

if TYPE_CHECKING:
    from typing_extensions import Self

Metric = float | Sequence[float]
CLASSES: dict[str, type[Entity]] = {}
"""The class of each type of entity whose module was imported; `entities` imports all of them."""


def new_record(
    project: str,
    entity_type: str,
    kind: str,
    name: str,
    *,
    identity: str | None = None,
    spec: Mapping[str, Any] | None = None,
) -> Record:
    """Return a whole entity that is not stored yet; InputError for names that cannot be used."""
    keys.check_name(project, "project")
    keys.check_name(name, f"{entity_type} name")
    keys.check_kind(kind)
    identity = keys.check_id(identity) if identity else keys.new_id()
    created = format_timestamp()
    key = (
        keys.run_key(project, identity, kind)
        if entity_type == "run"
        else keys.EntityKey(project, entity_type, kind, name, identity)
    )
    return {
        "id": identity,
        "type": entity_type,
        "kind": kind,
        "name": identity if entity_type == "run" else name,
        "project": project,
        "key": str(key),
        "user": "",
        "metadata": {"project": project, "name": name, "created": created, "updated": created, "relationships": []},
        "spec": {**(spec or {})},
        "status": {"state": "CREATED"},
    }


class Described:
    """An object with metadata that people write: names, texts, labels, relations. `save(update=True)` stores them."""

    metadata: AttrDict

    def set_name(self, value: str) -> None:
        """Set the name in the metadata; the name in the key stays."""
        self.metadata.name = _require_text(value, "Name")

    def set_version(self, value: str) -> None:
        """Set the version in the metadata; the id in the key stays."""
        self.metadata.version = _require_text(value, "Version")

    def set_description(self, value: str) -> None:
        """Set the description."""
        self.metadata.description = _require_text(value, "Description")

    def add_label(self, value: str) -> None:
        """Add a label, unless it is there."""
        labels = self.metadata.get("labels") or []
        if _require_text(value, "Label") not in labels:
            self.metadata.labels = [*labels, value]

    def add_labels(self, values: Sequence[str]) -> None:
        """Add several labels."""
        for value in [values] if isinstance(values, str) else values:
            self.add_label(value)

    def add_relationship(self, relation: str, dest: str, source: str | None = None) -> None:
        """Add a relation to the entity `dest`, once; `source` is the key of the related entity, by default this one."""
        entry = AttrDict({"type": relation, "dest": dest, **({"source": source} if source is not None else {})})
        relations = self.metadata.get("relationships") or []
        if entry not in relations:
            self.metadata.relationships = [*relations, entry]


class Entity(Described):
    """One version of a named thing in a project. `metadata`, `spec` and `status` take attributes and items."""

    TYPE = ""

    def __init_subclass__(cls) -> None:
        if "TYPE" in vars(cls):
            CLASSES[cls.TYPE] = cls

    def __init__(self, store: EntityStore, record: Record, environ: Mapping[str, str]) -> None:
        self._store = store
        self._environ = environ
        self._is_saved = True
        self._load(record)

    def _load(self, record: Record) -> None:
        self.id: str = record["id"]
        self.kind: str = record["kind"]
        self.name: str = record["name"]
        self.project: str = record["project"]
        self.key: str = record["key"]
        self.user: str = record.get("user", "")
        self.metadata = AttrDict(record["metadata"])
        self.spec = AttrDict(record["spec"])
        self.status = AttrDict(record["status"])

    def __repr__(self) -> str:
        state = f" {self.status.state}" if self.TYPE == "run" and self.status.get("state") else ""
        return f"<{type(self).__name__} {self.key}{state}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002
        """Return what a notebook shows of it, by media type."""
        from ...display.show_bundle import make_bundle
        from .entity_display import make_card

        return make_bundle(make_card(self))

    def _repr_html_(self) -> str:
        """Return the same as HTML."""
        return self._repr_mimebundle_()["text/html"]

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            from ..unsupported_names import absent_attribute_error

            raise absent_attribute_error(self, name)

    def to_dict(self) -> Record:
        """Return the whole entity in plain JSON values, with its type and without secrets in URLs."""
        simple = {name: getattr(self, name) for name in ("id", "kind", "name", "project", "key", "user")}
        parts = {name: json_value(getattr(self, name)) for name in ("metadata", "spec", "status")}
        path = parts["spec"].get("path")
        if isinstance(path, str) and "://" in path:  # the entity itself keeps what its file is read with
            from ...common.redact import redact_record

            parts["spec"]["path"] = redact_record(path)
        return {**simple, "type": self.TYPE, **parts}

    def save(self, update: bool = False) -> Self:
        """Store the entity, or with `update` its changes. PlatformError: it exists and `update` is False."""
        self._write(update)
        return self

    def _write(self, update: bool) -> Record:
        """Store the entity, or its changes, and return what is stored. Errors: PlatformError."""
        self.metadata.updated = format_timestamp()
        record = self.to_dict()
        if update and self._is_saved:
            self._store.update(record)
        else:
            self._store.create(record)
        self._is_saved = True
        return record

    def refresh(self) -> Self:
        """Read the entity again."""
        self._load(self._store.read(keys.parse_key(self.key)))
        return self

    def to_json(self) -> str:
        """Return the whole entity as a JSON text."""
        from msgspec.json import encode

        return encode(self.to_dict()).decode()

    def export(self) -> str:
        """Write the entity to `{type}s-{id}.yaml` in the current folder, for `import_*`. Return its path."""
        from .entity_file import write_entity

        return write_entity(f"{self.TYPE}s-{self.id}.yaml", self.to_dict())

    def delete(self) -> None:
        """Forget this version; its files stay."""
        self._store.remove(keys.parse_key(self.key))
        self._is_saved = False

    def relate(self, relation: str, dest: str) -> None:
        """Add a relation (`run_of`, `consumes`, `produced_by`) to the metadata, once; `save` stores it."""
        self.add_relationship(relation, dest)

    @property
    def metrics(self) -> dict[str, Any]:
        """Return a copy of the metrics by name: each is a number or a list of numbers."""
        if not self.status.get("metrics") and self._is_saved:
            metrics = self._store.read(keys.parse_key(self.key))["status"].get("metrics")
            if metrics:
                self.status.metrics = metrics
        metrics = dict(self.status.get("metrics") or {})
        return {name: list(value) if isinstance(value, list) else value for name, value in metrics.items()}

    def log_metric(self, key: str, value: Metric, overwrite: bool = False, single_value: bool = False) -> None:
        """Add a number, or each of a list, to the series `key`.

        `overwrite` starts a new series; `single_value` stores one number instead of a series.

        Errors: InputError for a value that is not a number.
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
        self._store.append_metrics(keys.parse_key(self.key), values, replace=replace, single=single)
        metrics = self.status.setdefault("metrics", AttrDict())
        for name, numbers in values.items():
            before = metrics.get(name)
            if isinstance(before, list) and not replace:
                before.extend(numbers)  # a copy for each number would take minutes in a long loop
            else:
                metrics[name] = merge(before, numbers, replace=replace, single=single)


def entity_of(store: EntityStore, record: Record, environ: Mapping[str, str]) -> Any:
    """Return the entity object of a record."""
    return CLASSES[record["type"]](store, record, environ)


def read_entity(store: EntityStore, key: str, environ: Mapping[str, str]) -> Any:
    """Return the entity of a key. Errors: InputError."""
    parsed = keys.parse_key(key)
    if parsed.type not in CLASSES:
        raise InputError(f"{key} is a {parsed.type}, which cannot be read", hint=f"one of {', '.join(sorted(CLASSES))}")
    return entity_of(store, store.read(parsed), environ)


def _require_text(value: object, label: str) -> str:
    """Return the value itself. Errors: ValueError, as in the platform's SDK."""
    if not isinstance(value, str):
        raise ValueError(f"{label} must be a string, not a {type(value).__name__}: {show_value(value)}")
    return value
