"""A project itself: what is recorded of it, its file, and searching in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...common.text import show_value
from ...errors import InputError
from ..entities import entity_filters
from ..entities.attr_dict import AttrDict
from ..entities.entity_types import CLASSES, entity_of
from ..entities.json_values import json_value
from ..store import format_timestamp
from .part import ProjectPart

_EXPORTED = ("artifact", "dataitem", "model", "function")


class ProjectDocument(ProjectPart):
    """The methods of a project for itself."""

    id: str
    key: str
    kind: str
    user: str
    metadata: AttrDict
    spec: AttrDict
    status: AttrDict

    def save(self, update: bool = False) -> Any:
        """Record the project, or with `update` the changes of its metadata and spec. Errors: PlatformError."""
        moment = format_timestamp()
        self.metadata.setdefault("created", moment)
        self.metadata.updated = moment
        self._store.write_project({**self.to_dict(), "project": self.name, "type": "project"}, new=not update)
        return self

    def refresh(self) -> Any:
        """Read the project again."""
        vars(self).pop("_document", None)
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the project's record in plain JSON values."""
        parts = {name: json_value(getattr(self, name)) for name in ("metadata", "spec", "status")}
        return {"id": self.id, "kind": self.kind, "name": self.name, "key": self.key, "user": self.user, **parts}

    def to_json(self) -> str:
        """Return the project's record as a JSON text."""
        from msgspec.json import encode

        return encode(self.to_dict()).decode()

    def export(self) -> str:
        """Write the project to `projects-{name}.yaml`, and its latest entities next to it. Return the path."""
        from ..entities.entity_file import write_entity

        folder = Path(str(self.spec.get("source") or "."))
        if not folder.is_dir():
            folder = Path()
        record = self.to_dict()
        for entity_type in _EXPORTED:
            record["spec"][f"{entity_type}s"] = []
            for entity_record in entity_filters.find_entities(self._store, entity_type, self.name):
                entity = entity_of(self._store, entity_record, self._environ)
                name = write_entity(folder / f"{entity_type}s-{entity.id}.yaml", entity.to_dict())
                listed = {part: getattr(entity, part) for part in ("id", "kind", "name", "project", "key")}
                record["spec"][f"{entity_type}s"].append({**listed, "metadata": {"ref": name}})
        return write_entity(folder / f"projects-{self.name}.yaml", record)

    def search_entity(
        self, query: str | None = None, entity_types: list[str] | None = None, name: str | None = None,
        kind: str | None = None, created: str | None = None, updated: str | None = None,
        description: str | None = None, labels: list[str] | None = None, **kwargs: Any,
    ) -> tuple[list[Any], list[dict[str, Any]]]:  # fmt: skip
        """Return the entities that fit, the latest of each name, and those that cannot be read (none).

        `query` is a part of a name, a description or a label, whatever its case; every one of `labels` is there;
        `created` and `updated` as in `list_*`. Errors: InputError for an unknown type or filter.
        """
        types = [entity_types] if isinstance(entity_types, str) else list(entity_types or entity_filters.SEARCHED)
        for entity_type in types:
            if entity_type not in CLASSES:
                raise InputError(
                    f"there is no entity type {show_value(entity_type)}", hint="one of " + ", ".join(CLASSES)
                )
        records = entity_filters.search_entities(
            self._store, self.name, types, query=query, labels=[labels] if isinstance(labels, str) else labels,
            description=description, name=name, kind=kind, created=created, updated=updated, **kwargs,
        )  # fmt: skip
        return [entity_of(self._store, record, self._environ) for record in records], []
