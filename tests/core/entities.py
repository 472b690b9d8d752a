"""The storage of Core: projects, and entities by id, the latest of a name first; with Core's error texts."""

from __future__ import annotations

import copy
import json
import re
import threading
import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from .lifecycle import is_allowed
from .pages import make_page
from .refusals import Refused, invalid_name, missing, refused, unmapped
from .specs import MATERIALS, PROJECT_NAME, check_entity, filter_spec

__all__ = ["TYPES", "Entities", "Entity", "Refused"]
Entity = dict[str, Any]
TYPES = ("artifact", "dataitem", "model", "function", "task", "run", "log", "secret")
UNVERSIONED = ("task", "run", "log")
_USER = "admin"
_PARTS = ("artifacts", "dataitems", "functions", "models", "workflows")  # lists in the spec of a project that is read
_LARGEST = 65_535  # bytes of one column in the embedded database


def _format_now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Entities:
    """The database. `violations` notes what a well-behaved runtime never does.

    `embedded`: it is the one that Core brings along, whose columns end at 64 KiB.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.projects: dict[str, Entity] = {}
        self.violations: list[str] = []
        self.embedded = False
        self._of: dict[tuple[str, str], list[Entity]] = {}  # oldest first
        self.metrics: dict[str, dict[str, Any]] = {}
        self.files: dict[str, list[Any]] = {}
        self.logs: dict[str, list[str]] = {}
        self._secrets: dict[str, dict[str, str]] = {}

    def all(self, project: str, entity_type: str) -> list[Entity]:
        """Return every version, the newest first."""
        return list(reversed(self._of.get((project, entity_type), [])))

    def one(self, project: str, entity_type: str, identity: str) -> Entity:
        """Return the entity, or raise Refused with 404."""
        for entity in self._of.get((project, entity_type), []):
            if entity["id"] == identity:
                return entity
        raise missing(entity_type)

    def create(self, project: str, entity_type: str, body: Mapping[str, Any]) -> Entity:
        """Add what a test needs: without the fields that Core insists on."""
        spec = dict(body.get("spec") or {})
        if entity_type == "function" and body.get("kind", "python") == "python":
            spec.setdefault("python_version", "PYTHON3_12")
        return self.add(project, entity_type, {"project": project, **body, "spec": spec})

    def add(self, project: str, entity_type: str, body: Mapping[str, Any]) -> Entity:
        """Add an entity that was posted; its key, its times, its version and its user are Core's."""
        check_entity(entity_type, body)
        self.project(project)
        identity, kind = body.get("id") or uuid.uuid4().hex, body.get("kind")
        spec = filter_spec(entity_type, kind, body.get("spec") or {})
        others = self._of.setdefault((project, entity_type), [])
        same = entity_type == "task" and any(
            other["kind"] == kind and other["spec"].get("function") == spec.get("function") for other in others
        )
        if same or any(other["id"] == identity for other in others):
            raise refused(f"Duplicated entity {entity_type}:{identity}.")
        name = identity if entity_type == "task" else body.get("name") or identity
        last = identity if entity_type == "task" else f"{name}:{identity}"
        if entity_type == "run":
            last = f"{identity}:{identity}"
        entity: Entity = {
            "id": identity, "key": f"store://{project}/{entity_type}/{kind}/{last}", "kind": kind, "name": name,
            "project": project, "spec": spec, "user": _USER,
        }  # fmt: skip
        if entity_type != "task":
            entity["metadata"] = self._metadata(
                entity_type, entity, body.get("metadata"), _format_now(), uuid.uuid4().hex[:8]
            )
            entity["status"] = {"state": "CREATED", **copy.deepcopy(dict(body.get("status") or {}))}
        if entity_type in (*MATERIALS, "run"):
            entity["extensions"] = []
        self._check_size(entity.get("status"), project, entity_type)
        others.append(entity)
        return entity

    @staticmethod
    def _metadata(entity_type: str, entity: Entity, metadata: Any, created: str, version: str) -> Entity:
        defaults: Entity = {
            "created": created, "updated": _format_now(), "created_by": _USER, "updated_by": _USER,
            "name": entity["name"],
        }  # fmt: skip
        if entity_type not in ("run", "log", "secret"):
            defaults["embedded"] = False
        if version:
            defaults["version"] = version
        metadata = copy.deepcopy(dict(metadata or {}))
        return {
            **defaults,
            **metadata,
            "created": created,
            "updated": defaults["updated"],
            "project": entity["project"],
        }

    def update(self, project: str, entity_type: str, identity: str, body: Mapping[str, Any]) -> Entity:
        """Replace metadata and status; a state that cannot follow the present one is not taken over.

        The spec of a function or of a material stays what it was.
        """
        entity = self.one(project, entity_type, identity)
        if body.get("id", identity) != identity or body.get("kind", entity["kind"]) != entity["kind"]:
            raise refused("id or kind does not match")
        spec = entity["spec"]
        if entity_type in ("run", "task", "secret") and "spec" in body:
            spec = filter_spec(entity_type, entity["kind"], body["spec"])
        if entity_type == "task":
            entity["spec"] = spec
            return entity
        before = entity["status"]["state"]
        state = (body.get("status") or {}).get("state", before)
        if entity_type == "run" and not entity["spec"].get("local_execution") and state != before:
            self.violations.append(f"a client moved run {identity} from {before} to {state}")
        status = copy.deepcopy(dict(body["status"])) if "status" in body else entity["status"]
        self._check_size(status, project, entity_type)
        version = "" if entity_type == "run" else identity
        entity["metadata"] = self._metadata(
            entity_type, entity, body.get("metadata"), entity["metadata"]["created"], version
        )
        entity["spec"], entity["status"] = spec, status
        if state != before and is_allowed(entity_type, before, state):
            self.move(entity_type, entity, state)
        else:
            status["state"] = before
        return entity

    @staticmethod
    def move(entity_type: str, entity: Entity, state: str) -> None:
        """Take an entity to a state; a run notes its way there, but for STOP."""
        status = entity["status"]
        status["state"] = state
        if entity_type == "run" and state not in ("STOP", "CREATED"):
            message = {"message": status["message"]} if status.get("message") else {}
            status["transitions"] = [
                *status.get("transitions", []),
                {"status": state, **message, "time": _format_now()},
            ]

    def delete(self, project: str, entity_type: str, identity: str) -> Entity | None:
        """Forget one version; a run is returned as it was last."""
        entity = self.one(project, entity_type, identity)
        self._of[(project, entity_type)].remove(entity)
        if entity_type != "run":
            return None
        self.move(entity_type, entity, "DELETING")
        return entity

    def secret_values(self, project: str, names: list[str], changes: Mapping[str, str]) -> dict[str, str]:
        """Store `changes` of a project's secrets, which are in no entity; return the values of `names`."""
        values = self._secrets.setdefault(project, {})
        values.update(changes)
        return {name: values[name] for name in names if name in values}

    def listing(self, project: str, entity_type: str, query: Mapping[str, str]) -> Entity:
        """Return one page: the latest of each name unless all versions, filtered; the newest first."""
        entities = self.all(project, entity_type)
        if query.get("versions") != "all" and entity_type not in UNVERSIONED:
            latest: dict[str, Entity] = {}
            for entity in entities:
                latest.setdefault(entity["name"], entity)
            entities = list(latest.values())
        entities = [entity for entity in entities if _matches(entity, query)]
        if query.get("sort", "").lower() == "created,asc":
            entities.reverse()
        return make_page(entities, query)

    def check_value(self, value: Any, path: str) -> None:
        """Raise Refused with 500 for a value that a column of the embedded database does not accept."""
        if self.embedded and len(json.dumps(value, separators=(",", ":"))) > _LARGEST:
            raise unmapped(500, path)

    def _check_size(self, value: Any, project: str, entity_type: str) -> None:
        self.check_value(value, f"/api/v1/-/{project}/{entity_type}s")

    def relations(self, project: str, entity: Entity) -> list[Entity]:
        """Return the relations of an entity, its own and those that others declare."""
        relations = []
        others = [other for (where, _), many in self._of.items() if where == project for other in many]
        for other in [entity, *(other for other in others if other is not entity)]:
            for link in (other.get("metadata") or {}).get("relationships") or []:
                if other is entity or link["dest"] == entity["key"]:
                    relations.append({"type": link["type"], "source": other["key"], "dest": link["dest"]})
        return relations

    def project(self, name: str) -> Entity:
        """Return the project, or raise Refused with 404."""
        if name not in self.projects:
            raise missing("project")
        return self.projects[name]

    def describe_project(self, name: str) -> Entity:
        """Return the project as it is read: with lists of what it holds."""
        project = self.project(name)
        return {**project, "spec": {**{part: [] for part in _PARTS}, **project["spec"]}}

    def add_project(self, body: Mapping[str, Any]) -> Entity:
        """Add a project; its id is its name."""
        name = body["name"]
        if not re.match(PROJECT_NAME, name):
            raise invalid_name("project", name, PROJECT_NAME)
        if name in self.projects:
            raise refused(f"Duplicated entity project:{name}.")
        project: Entity = {
            "id": name, "key": f"store://{name}", "kind": "project", "name": name, "project": name, "user": _USER,
            "spec": {"config": {}, **copy.deepcopy(dict(body.get("spec") or {}))}, "status": {"state": "CREATED"},
        }  # fmt: skip
        project["metadata"] = self._metadata(
            "project", project, body.get("metadata"), _format_now(), uuid.uuid4().hex[:8]
        )
        del project["metadata"]["embedded"]
        self.projects[name] = project
        return project


def _matches(entity: Entity, query: Mapping[str, str]) -> bool:
    spec = entity["spec"]
    fields = {
        "name": entity["name"], "kind": entity["kind"], "state": (entity.get("status") or {}).get("state"),
        "function": spec.get("function"), "task": spec.get("task"),
    }  # fmt: skip
    return all(fields[field] == query[field] for field in fields if query.get(field))
